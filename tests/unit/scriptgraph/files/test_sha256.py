"""Digests of short texts equal hashlib's."""

from __future__ import annotations

import hashlib

import pytest

from scriptgraph.files.sha256 import sha256


@pytest.mark.parametrize("text", [b"", b"abc", b"x" * 100_000])
def test_the_digest_equals_that_of_hashlib(text: bytes) -> None:
    assert sha256(text).hexdigest() == hashlib.sha256(text).hexdigest()


def test_a_text_can_be_hashed_in_parts() -> None:
    digest = sha256(b"one, ")
    digest.update(b"two")

    assert digest.hexdigest() == hashlib.sha256(b"one, two").hexdigest()
