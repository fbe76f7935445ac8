"""Hashes are parsed, computed like their publishers do, and compared."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from scriptgraph.fetch.hashes import Digest, HashError, compute_hashes, parse_digests, verify_hashes

if TYPE_CHECKING:
    from pathlib import Path

# Hashes of the three bytes "abc": examples of FIPS 180-4, test suite of RFC 1321, `git hash-object`.
ABC = {
    "md5": "900150983cd24fb0d6963f7d28e17f72",
    "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "git-blob-sha1": "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha384": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
}


@pytest.fixture
def abc(tmp_path: Path) -> Path:
    path = tmp_path / "abc.txt"
    path.write_bytes(b"abc")
    return path


def test_all_hashes_are_computed_in_one_reading(abc: Path) -> None:
    assert {name: digest.value for name, digest in compute_hashes(abc, ABC).items()} == ABC


def test_git_computes_the_same_hash(abc: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    output = subprocess.run([git, "hash-object", abc], capture_output=True, text=True, check=True).stdout

    assert compute_hashes(abc, ["git-blob-sha1"])["git-blob-sha1"].value == output.strip()


def test_a_file_longer_than_a_chunk_is_hashed_completely(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    content = b"\0" * (3 * (1 << 20) + 5)
    path.write_bytes(content)

    assert compute_hashes(path, ["sha256"])["sha256"].value == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("algorithm", ABC)
def test_verification_returns_all_computed_hashes(abc: Path, algorithm: str) -> None:
    found = verify_hashes(abc, parse_digests([f"{algorithm.upper()}:{ABC[algorithm]}"]), also=["sha256"])

    assert found[0] == Digest(algorithm, ABC[algorithm])
    assert Digest("sha256", ABC["sha256"]) in found


def test_one_wrong_hash_is_reported_with_both_values(abc: Path) -> None:
    wrong = "0" * 32
    with pytest.raises(HashError, match=rf"abc\.txt: has md5:{ABC['md5']}, expected was md5:{wrong}"):
        verify_hashes(abc, parse_digests([f"sha256:{ABC['sha256']}", f"md5:{wrong}"]))


def test_the_length_of_bare_hexadecimal_names_its_algorithm(abc: Path) -> None:
    assert parse_digests([ABC["md5"], "", ABC["sha256"]]) == (
        Digest("md5", ABC["md5"]),
        Digest("sha256", ABC["sha256"]),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("crc32:12345678", "has the unknown algorithm 'crc32'"),
        ("sha256:abc", "is not 64 hexadecimal digits"),
        ("sha256:" + "g" * 64, "is not 64 hexadecimal digits"),
        ("a" * 40, "names no algorithm"),
        ("hello", "names no algorithm"),
    ],
)
def test_a_malformed_hash_is_refused(text: str, problem: str) -> None:
    with pytest.raises(HashError, match=problem):
        Digest.parse(text)
