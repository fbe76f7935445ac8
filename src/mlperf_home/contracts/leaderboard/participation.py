"""What a volunteer's machine keeps of a board: the consent, and what was run for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

PARTICIPATION_LIMITS = Limits(size=4 << 20, depth=4, values=100_000)
"""A run has five values."""

RunState = Literal["begun", "made", "sent"]


class BoardConsent(Document):
    """The consent to take part in a board; it holds for this key of the board and this receiver alone.

    Attributes:
        address: where the list is read.
        key: fingerprint of the key that signs the list; "" if none does.
        sample: whether it is a board of samples.
        receiver: where bundles are sent; "" if nowhere.
    """

    address: str
    board: str
    key: str
    sample: bool
    receiver: str
    day: str


class TakenRun(Document):
    """A workflow that this machine has run for a board, or has begun.

    Attributes:
        bundle: the path of its bundle; "" until it is made.
    """

    challenge: str
    workflow: str
    state: RunState
    bundle: str = ""
    utc: str = ""


class Participation(Document):
    """`participation.json`: a consent, and the runs by "challenge/workflow"."""

    schema: Literal["mlperf-home/participation/1"] = "mlperf-home/participation/1"
    consent: BoardConsent | None = None
    runs: Mapping[str, TakenRun] = {}


class GuardedRun(Document):
    """The request of a run that ends as soon as somebody uses the machine, or at a time.

    Attributes:
        challenge: the name of an installed challenge.
        command: the options of `cm run challenge`, without its name.
        ends_utc: when it ends at the latest, ISO 8601; "" for no end.
        watched: whether it ends when somebody uses the machine.
    """

    challenge: str
    command: Mapping[str, str | bool]
    ends_utc: str = ""
    watched: bool = True
