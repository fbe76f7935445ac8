"""SHA-256 of short texts, as `hashlib` has it, without OpenSSL: loading that costs a short command 2 ms.

CPython's own implementation, which its module `random` takes in the same way; large files are hashed by `hashlib`,
several times as fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Digest(Protocol):
    """What `hashlib.sha256` returns."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far, in hexadecimal."""
        ...


def _implementation() -> Callable[[bytes], Digest]:
    # Python 3.12 and later, 3.10 and 3.11, a Python built without either.
    for module in ("_sha2", "_sha256", "hashlib"):
        try:
            made: Callable[[bytes], Digest] = import_module(module).sha256
        except ImportError:
            continue
        return made
    raise ImportError("this Python has no SHA-256")


sha256 = _implementation()
