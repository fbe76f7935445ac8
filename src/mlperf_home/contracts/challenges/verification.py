"""The answer of the process that verifies a bundle within limits of memory and time."""

from __future__ import annotations

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

MOST_PROBLEMS = 20_000
VERIFICATION_LIMITS = Limits(size=32 << 20, depth=4, values=4 * MOST_PROBLEMS)
"""A problem has a file and a text of at most 300 characters."""


class FoundProblem(Document):
    """A problem of a bundle, and its file."""

    file: str
    problem: str


class FoundSignature(Document):
    """A valid signature: the key's fingerprint, and its owner ("" without a list of allowed signers)."""

    key: str
    signer: str


class FoundError(Document):
    """An error that ended the verification: the place, the problem, and the advice."""

    where: str
    problem: str
    advice: str


class Verification(Document):
    """The problems of a bundle, the most telling first, and its signature; or the error that ended the verification.

    Attributes:
        folder: the name of the bundle's folder.
    """

    folder: str = ""
    problems: tuple[FoundProblem, ...] = ()
    signature: FoundSignature | None = None
    error: FoundError | None = None
