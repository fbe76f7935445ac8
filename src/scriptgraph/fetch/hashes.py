"""Hashes of files, written as `algorithm:hex`, and a record of hashes that nobody published.

`git-blob-sha1` is git's name for a file's content: the SHA-1 of "blob <length in bytes>",
a NUL and the content (documentation of `git hash-object`). MD5 and SHA-1 detect damage,
not attacks; they are supported because some publishers offer nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import DocumentError, ScriptGraphError
from scriptgraph.fetch.sources import without_secrets
from scriptgraph.files.atomic import LockedJson
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_HEX_DIGITS = {"md5": 32, "sha1": 40, "git-blob-sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
# 40 digits are ambiguous (sha1 or git-blob-sha1), so they need the algorithm's name.
_BARE = {32: "md5", 64: "sha256", 96: "sha384", 128: "sha512"}
_CHUNK_BYTES = 1 << 20
# The prefix of a refused hash among the keys of `RecordedHashes`.
_REFUSED = "refused:"
# A file's hash, a commit of git, or the mark of a refused hash.
_RECORDED = re.compile(r"sha256:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{64}|damaged")
_DAMAGED_RECORD = (
    "it has the hashes of earlier downloads; restore it from a backup, or remove it to accept the next content of each"
)


class HashError(ScriptGraphError):
    """A hash is malformed, or a file does not have it."""


@dataclass(frozen=True)
class Digest:
    """A hash of a file's content in lower-case hexadecimal, with its algorithm (a key of `_HEX_DIGITS`)."""

    algorithm: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Parse "sha256:9f86...", or bare hexadecimal whose length implies the algorithm.

        Raises:
            HashError: the text is neither.
        """
        name, colon, value = text.strip().lower().rpartition(":")
        algorithm = name if colon else _BARE.get(len(value), "")
        if algorithm not in _HEX_DIGITS:
            problem = f"has the unknown algorithm {name!r}" if colon else "names no algorithm"
            raise HashError(f"hash {text!r}: {problem}; write one of {', '.join(_HEX_DIGITS)}, a colon and the hash")
        digits = _HEX_DIGITS[algorithm]
        if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", value):
            raise HashError(f"hash {text!r}: is not {digits} hexadecimal digits; copy the whole {algorithm}")
        return cls(algorithm, value)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def parse_digests(texts: Iterable[str | Digest]) -> tuple[Digest, ...]:
    """Parse several hashes and skip empty texts."""
    filled = (text for text in texts if isinstance(text, Digest) or text.strip())
    return tuple(text if isinstance(text, Digest) else Digest.parse(text) for text in filled)


def compute_hashes(path: Path, algorithms: Iterable[str]) -> dict[str, Digest]:
    """Compute several hashes of a file in one reading.

    Raises:
        HashError: an algorithm is unknown, or the file changed during the reading.
        OSError: the file cannot be read.
    """
    names = dict.fromkeys(algorithms)
    for name in names:
        if name not in _HEX_DIGITS:
            raise HashError(f"the hash algorithm {name!r} is unknown; use one of {', '.join(_HEX_DIGITS)}")
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
        raise HashError(f"{path}: changed while it was read; try again when no program writes to it")
    return {name: Digest(name, state.hexdigest()) for name, state in states.items()}


def verify_hashes(path: Path, expected: Iterable[Digest], also: Iterable[str] = ()) -> tuple[Digest, ...]:
    """Verify that a file has all of the expected hashes.

    Returns:
        The computed hashes: those of the expected algorithms, then those of `also`.

    Raises:
        HashError: a hash differs; the text has both values.
    """
    expected = tuple(expected)
    computed = compute_hashes(path, [*(digest.algorithm for digest in expected), *also])
    problem = mismatch(computed, expected)
    if problem:
        raise HashError(f"{path}: {problem}; fetch the file again, or correct the hash")
    return tuple(computed.values())


def mismatch(computed: Mapping[str, Digest], expected: Iterable[Digest]) -> str:
    """Return the first difference between computed and expected hashes in words; "" if there is none."""
    pairs = ((computed[digest.algorithm], digest) for digest in expected)
    return next((f"has {found}, expected was {digest}" for found, digest in pairs if found != digest), "")


class RecordedHashes:
    """Hashes of files without a published hash: recorded at the first download, required at later ones.

    They are stored in a JSON file of URL -> "sha256:...", shared by all runs of a user. A URL with a secret is stored
    without it, followed by the hash of the whole URL. Every method raises DocumentError if the file is damaged: without
    it, the next content of a URL would be taken for the recorded one.
    """

    def __init__(self, path: Path) -> None:
        self._file = _HashFile(path)

    @classmethod
    def of_user(cls, state: Path) -> RecordedHashes:
        """Return the hashes recorded in the folder `state` of the user."""
        return cls(state / "recorded-hashes.json")

    def find(self, urls: Sequence[str]) -> str | None:
        """Return the recorded hash of the first URL that has one; None if none has."""
        return _find(self._file.read(), urls)

    def keep(self, urls: Sequence[str], digest: str) -> None:
        """Record the hash for each of the URLs without one.

        Raises:
            HashError: another run has recorded another hash for the first URL that has one, and nothing changes.
        """

        def add(known: dict[str, Any]) -> None:
            earlier = _find(known, urls)
            if earlier not in {None, digest}:
                raise HashError(
                    f"{_key_of(urls[0])}: is {digest}, but another run recorded {earlier}; repeat the command"
                )
            known.update({_key_of(url): digest for url in urls} | known)

        self._file.update(add)

    def refuse(self, digest: str) -> bool:
        """Forget the hash of a damaged file, so that another file may be fetched in its place.

        Returns:
            Whether the hash was recorded; otherwise nothing changes.
        """
        recorded: list[str] = []

        def drop(known: dict[str, Any]) -> None:
            recorded.extend(name for name, value in known.items() if value == digest)
            for name in recorded:
                del known[name]
            if recorded:
                known[_REFUSED + digest] = "damaged"

        self._file.update(drop)
        return bool(recorded)

    def refused(self, digest: str) -> bool:
        """Whether a file with this hash was refused as damaged."""
        return _REFUSED + digest in self._file.read()


class _HashFile(LockedJson):
    """A JSON object of names and hashes that is never taken for empty when it is damaged."""

    def read(self) -> dict[str, str]:
        if not os.path.lexists(self.path):
            return {}
        try:
            return _hashes_of(read_json(self.path, unique=True, paths=True), self.path)
        except DocumentError as error:
            raise DocumentError(self.path, error.pointer, f"{error.problem}; {_DAMAGED_RECORD}") from error


def _hashes_of(document: Any, path: Path) -> dict[str, str]:
    if not isinstance(document, dict):
        raise DocumentError(path, "", "is not an object of names and hashes")
    for name, value in document.items():
        if not isinstance(value, str) or not _RECORDED.fullmatch(value):
            pointer = "/" + name.replace("~", "~0").replace("/", "~1")
            raise DocumentError(path, pointer, "is not a hash")
    return document


def _find(known: Mapping[str, str], urls: Sequence[str]) -> str | None:
    return next((known[name] for name in map(_key_of, urls) if name in known), None)


def _key_of(url: str) -> str:
    shown = without_secrets(url)
    return url if shown == url else f"{shown}#{hashlib.sha256(url.encode()).hexdigest()}"
