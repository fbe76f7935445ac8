"""SHA-256 of short texts, as `hashlib` has it, without OpenSSL: loading that costs a short command 2 ms.

CPython's own implementation, which its module `random` takes in the same way; large files are hashed by `hashlib`,
several times as fast.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable


def _implementation() -> Callable[[bytes], hashlib._Hash]:
    made: Callable[[bytes], hashlib._Hash]
    for module in ("_sha2", "_sha256"):  # Python 3.12 and later; 3.10 and 3.11
        with suppress(ImportError):
            made = import_module(module).sha256
            return made
    made = import_module("hashlib").sha256  # of a Python that is built otherwise
    return made


sha256 = _implementation()
