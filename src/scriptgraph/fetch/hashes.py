"""Digests of files, written as `algorithm:hex`, several at once; those that nobody published are recorded.

`git-blob-sha1` is the name that git gives to a file's content: the SHA-1 of
"blob <length in bytes>", a NUL and the content (git's hash-object documentation).
MD5 and SHA-1 tell damage, not malice; what publishers offer is what can be checked.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.sources import without_secrets
from scriptgraph.files.atomic import LockedJson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_HEX_DIGITS = {"md5": 32, "sha1": 40, "git-blob-sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
# A bare number of 40 digits could be sha1 or git-blob-sha1, so it has to say which.
_BARE = {32: "md5", 64: "sha256", 96: "sha384", 128: "sha512"}
_CHUNK_BYTES = 1 << 20
# Begins the name of a hash among the URLs of `RecordedHashes`.
_REFUSED = "refused:"


class HashError(ScriptGraphError):
    """A hash is not written as one, or a file does not have it."""


@dataclass(frozen=True)
class Digest:
    """One hash of a file's content: lower-case hexadecimal, by md5, sha1, sha256, sha384, sha512 or git-blob-sha1."""

    algorithm: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read "sha256:9f86...", or bare hexadecimal where its length tells the algorithm.

        Raises:
            HashError: it is neither.
        """
        name, colon, value = text.strip().lower().rpartition(":")
        algorithm = name if colon else _BARE.get(len(value), "")
        if algorithm not in _HEX_DIGITS:
            said = f"the algorithm {name!r} is not known" if colon else "it does not say which algorithm"
            raise HashError(f"hash {text!r}: {said}; write one of {', '.join(_HEX_DIGITS)}, a colon and the hash")
        digits = _HEX_DIGITS[algorithm]
        if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", value):
            raise HashError(f"hash {text!r}: {algorithm} has {digits} hexadecimal digits")
        return cls(algorithm, value)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def parse_digests(texts: Iterable[str | Digest]) -> tuple[Digest, ...]:
    """Read several hashes; empty texts are left out."""
    given = (text for text in texts if isinstance(text, Digest) or text.strip())
    return tuple(text if isinstance(text, Digest) else Digest.parse(text) for text in given)


def compute_hashes(path: Path, algorithms: Iterable[str]) -> dict[str, Digest]:
    """Hash a file once with several algorithms.

    Raises:
        HashError: an algorithm is not known, or the file changed while it was read.
        OSError: the file cannot be read.
    """
    names = dict.fromkeys(algorithms)
    for name in names:
        if name not in _HEX_DIGITS:
            raise HashError(f"hash algorithm {name!r} is not known; known: {', '.join(_HEX_DIGITS)}")
    with path.open("rb") as content:
        length = path.stat().st_size
        states = {name: hashlib.new(name.removeprefix("git-blob-"), usedforsecurity=False) for name in names}
        if "git-blob-sha1" in states:
            states["git-blob-sha1"].update(b"blob %d\0" % length)
        read = 0
        while chunk := content.read(_CHUNK_BYTES):
            read += len(chunk)
            for state in states.values():
                state.update(chunk)
    if read != length:
        raise HashError(f"{path}: changed while it was read; try again when nothing writes to it")
    return {name: Digest(name, state.hexdigest()) for name, state in states.items()}


def verify_hashes(path: Path, expected: Iterable[Digest], also: Iterable[str] = ()) -> tuple[Digest, ...]:
    """Check that a file has all of the expected hashes.

    Returns:
        Every hash computed in the one reading: the expected algorithms', then those of `also`.

    Raises:
        HashError: a hash is another one; the text has both.
    """
    wanted = tuple(expected)
    found = compute_hashes(path, [*(digest.algorithm for digest in wanted), *also])
    problem = mismatch(found, wanted)
    if problem:
        raise HashError(f"{path}: {problem}; fetch it anew, or correct the hash")
    return tuple(found.values())


def mismatch(found: Mapping[str, Digest], expected: Iterable[Digest]) -> str:
    """Return the first hash that is not as expected, and what was expected; "" if all are."""
    wrong = ((found[digest.algorithm], digest) for digest in expected if found[digest.algorithm] != digest)
    return next((f"has {one} where {digest} was expected" for one, digest in wrong), "")


class RecordedHashes:
    """Hashes of files that nobody published one for: recorded at the first download, demanded at every later one.

    A JSON file of URL -> "sha256:...", shared by all runs of a user.

    A URL that carries a secret stands in it as the hash of the URL: told apart from others, and not readable.
    """

    def __init__(self, path: Path) -> None:
        self._kept = LockedJson(path)

    @classmethod
    def of_user(cls, state: Path) -> RecordedHashes:
        """Return those that the folder with the user's state holds."""
        return cls(state / "recorded-hashes.json")

    def find(self, urls: Sequence[str]) -> str | None:
        """Return the hash recorded for the first of the URLs that has one."""
        known = self._kept.read()
        return next((str(known[name]) for name in map(_named, urls) if name in known), None)

    def keep(self, urls: Sequence[str], digest: str) -> None:
        """Record the hash for each of the URLs without one."""
        self._kept.update(lambda known: known.update({_named(url): digest for url in urls} | known))

    def refuse(self, digest: str) -> bool:
        """Forget the hash of a file that turned out to be damaged, so that another one may be fetched in its place.

        Returns:
            Whether it was recorded: otherwise nothing changes.
        """
        recorded: list[str] = []

        def drop(known: dict[str, Any]) -> None:
            recorded.extend(name for name, value in known.items() if value == digest)
            for name in recorded:
                del known[name]
            if recorded:
                known[_REFUSED + digest] = "damaged"

        self._kept.update(drop)
        return bool(recorded)

    def refused(self, digest: str) -> bool:
        """Whether a file of this hash turned out to be damaged."""
        return _REFUSED + digest in self._kept.read()


def _named(url: str) -> str:
    shown = without_secrets(url)
    return url if shown == url else f"{shown}#{hashlib.sha256(url.encode()).hexdigest()}"
