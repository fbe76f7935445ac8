"""SHA-256 of short texts without OpenSSL, whose loading costs a short command 2 ms.

`sha256` is CPython's own implementation, which the standard library's `random` imports in the same way. Large files
are hashed with `hashlib`, which is several times as fast.
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
    made = import_module("hashlib").sha256  # a Python built without its own hashes
    return made


sha256 = _implementation()
