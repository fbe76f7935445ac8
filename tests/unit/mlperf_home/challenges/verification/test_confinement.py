"""Verification runs in a process with limits; a bundle that exceeds them is refused in a line."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from unpacked_bundles import problems_of

from mlperf_home.challenges.verification import confinement
from mlperf_home.challenges.verification.confinement import Confinement, verify_confined
from mlperf_home.challenges.verification.verification import BundleError, verify
from mlperf_home.submission.delivery import pack
from scriptgraph.embed import Completed, SignatureError

if TYPE_CHECKING:
    from pathlib import Path

    from unpacked_bundles import UnpackedBundle

_MIB = 1 << 20


def test_a_good_bundle_has_no_problems(good: Path, tmp_path: Path) -> None:
    verified = verify_confined(good, tmp_path / "unpacked")

    assert verified.problems == ()
    assert verified.manifest == verify(good, tmp_path / "again").manifest
    assert verified.report.sample
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "unpacked"]


def test_the_problems_are_those_of_a_plain_verification(unpacked: UnpackedBundle, tmp_path: Path) -> None:
    (unpacked.root / "report.md").write_text("x\x1b[31m")
    (unpacked.root / "n\x1bame").write_text("x")
    plain = unpacked.verified()

    confined = verify_confined(tmp_path / "edited.tar.gz", tmp_path / "confined")

    assert problems_of(confined) == problems_of(plain)
    assert all(line.isprintable() for line in problems_of(confined))


def test_a_bundle_that_needs_too_much_memory_is_refused(unpacked: UnpackedBundle, tmp_path: Path) -> None:
    summary = next(unpacked.root.rglob("run_1/mlperf_log_summary.txt"))
    with summary.open("wb") as file:
        file.truncate(60 * _MIB)
    pack(unpacked.root, tmp_path / "edited.tar.gz")

    with pytest.raises(BundleError, match="verification needed more than 96 MiB of memory; no bundle of ours does"):
        verify_confined(tmp_path / "edited.tar.gz", tmp_path / "u", limits=Confinement(memory_bytes=96 * _MIB))
    assert not (tmp_path / "u").exists()
    assert not list(tmp_path.glob(".u*"))


def test_an_error_names_the_bundle_as_the_user_did(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"no archive")

    with pytest.raises(BundleError, match=f"^{re.escape(str(tmp_path))}/b.tar.gz: is damaged: "):
        verify_confined(tmp_path / "b.tar.gz", tmp_path / "u")


def test_a_missing_list_of_signers_is_named(good: Path, tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match="there is no such file"):
        verify_confined(good, tmp_path / "u", tmp_path / "nobody")


@pytest.mark.parametrize(
    ("exit_code", "number", "problem"),
    [
        (None, signal.SIGKILL, "needed more than 2,048 MiB of memory"),
        (None, signal.SIGXCPU, "needed more than 1800 s of CPU time"),
        (1, None, "ended without an answer (ValueError: x)"),
    ],
)
def test_each_end_without_an_answer_is_explained(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int | None, number: int | None, problem: str
) -> None:
    def ended(argv: list[str], **_options: object) -> Completed:
        return Completed(tuple(argv), exit_code, number, 0, 1, ("Traceback", "ValueError: x", ""), None)

    monkeypatch.setattr(confinement, "run", ended)

    with pytest.raises(BundleError) as caught:
        verify_confined(good, tmp_path / "u")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
