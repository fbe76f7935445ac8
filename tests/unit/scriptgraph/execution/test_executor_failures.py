"""A run that fails or is interrupted names its step, and its record is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_scripts import exporting, raising

from scriptgraph.errors import RequestError, StepFailed
from scriptgraph.execution.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from tiny_scripts import Bench

    from scriptgraph.files.digest_log import DigestLog


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "kind", "status", "reason"),
        [
            ("StepFailed('no luck')", StepFailed, "failed", "no luck"),
            ("KeyboardInterrupt", KeyboardInterrupt, "interrupted", "interrupted"),
            ("SystemExit(143)", SystemExit, "interrupted", "interrupted"),
            ("KeyError('a defect')", KeyError, "failed", "KeyError: 'a defect'"),
        ],
    )
    def test_the_record_is_written_however_a_run_ends(
        self, bench: Bench, error: str, kind: type[BaseException], status: str, reason: str
    ) -> None:
        bench.scripts.add("below", exporting(CM_A=1), new_env_keys=["CM_A"])
        bench.scripts.add("x", raising(error), deps=[{"tags": "below"}])
        bench.scripts.add("top", deps=[{"tags": "x"}])

        with pytest.raises(kind):
            bench.run("top")

        written = bench.written_record()
        assert written["status"] == status
        assert written["error"] == reason + ("\n  on the way: top > x" if kind is StepFailed else "")
        assert [(step["alias"], step["status"]) for step in written["steps"]] == [("below", "done"), ("x", "failed")]
        assert written["steps"][1]["reason"] == reason
        assert written["steps"][1]["start_ns"] <= written["steps"][1]["end_ns"] <= written["end_ns"]
        assert ("failed", "x", {"reason": reason}) in bench.events

    def test_nothing_runs_after_a_failure(self, bench: Bench) -> None:
        bench.scripts.add("bad", raising("StepFailed('no')"))
        bench.scripts.add("later")
        bench.scripts.add("top", deps=[{"tags": "bad"}, {"tags": "later"}], post_deps=[{"tags": "later"}])

        with pytest.raises(StepFailed):
            bench.run("top")

        assert [title for kind, title, _ in bench.events if kind == "started"] == ["bad"]

    def test_an_invalid_request_starts_nothing(self, bench: Bench) -> None:
        bench.scripts.add("x")

        with pytest.raises(RequestError):
            bench.run("x", inputs={"no": 1})

        assert bench.events == []
        assert not (bench.home / "records").exists()

    def test_a_failing_hook_is_reported_as_its_step(self, bench: Bench) -> None:
        bench.scripts.add("x", "def fingerprint(context: Context) -> str:\n    raise StepFailed('no file')")

        with pytest.raises(StepFailed):
            bench.run("x")

        assert [(step["alias"], step["reason"]) for step in bench.written_record()["steps"]] == [("x", "no file")]


def test_a_refusal_by_the_machine_fails_the_step(bench: Bench) -> None:
    bench.scripts.add("x", 'def preprocess(context):\n    raise OSError(28, "No space left on device")\n')

    with pytest.raises(StepFailed, match="a file of x: No space left on device; see to it and run again"):
        bench.run("x")

    assert bench.written_record()["status"] == "failed"


def test_a_defect_of_the_steps_code_stays_a_defect(bench: Bench) -> None:
    bench.scripts.add("x", 'def preprocess(context):\n    open("/nothing/there")\n')

    with pytest.raises(FileNotFoundError):
        bench.run("x")


def test_a_record_that_does_not_fit_does_not_hide_the_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.scripts.add("x", 'def preprocess(context):\n    raise StepFailed("it is broken")\n')
    bench.scripts.add("y", "def preprocess(context):\n    return Done()\n")
    real = Record.write

    def write(record: Record, path: Path, written: DigestLog) -> None:
        if record.status != "running":
            raise OSError(28, "No space left on device")
        real(record, path, written)

    monkeypatch.setattr(Record, "write", write)

    with pytest.raises(StepFailed, match="it is broken"):
        bench.run("x")
    with pytest.raises(OSError, match="No space left"):
        bench.run("y")
