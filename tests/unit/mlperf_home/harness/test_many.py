"""Many runs from one process: each run has its own process, and no failure affects the next run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from harness_jobs import HERE

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.runs.failures import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness_jobs import JobFolder, MakeJob

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")


class ManyProcess:
    """A process of `mlperf_home.harness.many`, which gets one order after another."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(BOOTSTRAP), "mlperf_home.harness.many", "--import", "no_such_module"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def order(self, job: JobFolder, *, new_interpreter: bool = False) -> None:
        path = job.root / "job.json"
        path.write_text(json.dumps(job.document), "utf-8")
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"job": str(path), "new_interpreter": new_interpreter}) + "\n")
        self.process.stdin.flush()

    def next_event(self, event: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        return next(line for line in map(json.loads, self.process.stdout) if line["event"] == event)

    def run(self, job: JobFolder, *, new_interpreter: bool = False) -> tuple[ExitStatus, str]:
        self.order(job, new_interpreter=new_interpreter)
        ended = self.next_event("ended")
        return ExitStatus(ended["status"]), ended["message"]


@pytest.fixture
def many(tmp_path: Path) -> Iterator[ManyProcess]:
    started = ManyProcess(tmp_path)
    yield started
    started.process.kill()
    started.process.wait()


def again(job: JobFolder, number: int) -> JobFolder:
    job.document |= {"out_dir": str(job.root / f"out{number}"), "session_path": str(job.root / f"session{number}.json")}
    return job


def test_each_run_has_its_own_process_and_result(many: ManyProcess, make_job: MakeJob) -> None:
    job, workers = make_job("SingleStream"), set()
    for number, new_interpreter in enumerate((False, False, True)):
        assert many.run(again(job, number), new_interpreter=new_interpreter) == (ExitStatus.COMPLETE, "")
        workers.add((job.root / "work" / "pid").read_text())
        session = json.loads((job.root / f"session{number}.json").read_text())
        assert session["result"]["validity"] == "VALID"
        assert (job.root / f"out{number}" / "mlperf_log_summary.txt").is_file()

    assert len(workers | {str(many.process.pid)}) == 4


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"refuse": True}, ExitStatus.BACKEND_REFUSED, "refuses this model"),
        ({"die_at_call": 3}, ExitStatus.KILLED, "ended by SIGKILL"),
        ({"crash_in_open": True}, ExitStatus.KILLED, "ended by SIGABRT"),
    ],
)
def test_a_failed_run_does_not_affect_the_next(
    many: ManyProcess, make_job: MakeJob, options: dict[str, Any], status: ExitStatus, words: str
) -> None:
    job = make_job("SingleStream").set_options(**options)
    failed, message = many.run(again(job, 1))
    assert (failed, words in message) == (status, True)
    assert not (job.root / "out1").exists()

    assert many.run(again(job.set_options(), 2)) == (ExitStatus.COMPLETE, "")


def test_the_process_ends_with_its_input(many: ManyProcess, make_job: MakeJob) -> None:
    assert many.run(make_job("SingleStream"))[0] is ExitStatus.COMPLETE
    assert many.process.stdin is not None
    many.process.stdin.close()

    assert many.process.wait(timeout=60) == 0


def test_a_signal_ends_the_run_without_a_result(many: ManyProcess, make_job: MakeJob) -> None:
    job = make_job("SingleStream").set_options(call_s=0.1)
    many.order(again(job, 1))
    many.next_event("running")
    many.process.send_signal(signal.SIGTERM)

    assert "ended by SIGTERM" in many.next_event("ended")["message"]
    assert many.process.wait(timeout=60) != 0
    assert not (job.root / "out1").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((job.root / "work" / "pid").read_text()), 0)


def test_the_first_samples_can_be_the_dataset(many: ManyProcess, make_job: MakeJob) -> None:
    job = make_job("SingleStream", "accuracy")
    job.document["dataset"]["first"] = 7
    assert many.run(job) == (ExitStatus.COMPLETE, "")

    entries = json.loads((job.out_dir / "mlperf_log_accuracy.json").read_text())
    assert sorted(entry["qsl_idx"] for entry in entries) == list(range(7))
    assert job.session["dataset"]["count"] == 7
    assert "only the first 7 of 200 samples" in " ".join(job.session["warnings"])


def test_samples_after_others_can_be_the_dataset(many: ManyProcess, make_job: MakeJob) -> None:
    job = make_job("SingleStream", "accuracy")
    job.document["dataset"] |= {"first": 7, "after": 195}
    assert many.run(job) == (ExitStatus.COMPLETE, "")
    part_dir = job.out_dir
    assert "only 5 after the first 195 of 200 samples" in " ".join(job.session["warnings"])
    complete = again(job, 1)
    complete.document["dataset"] = {key: job.document["dataset"][key] for key in ("kind", "path")}
    assert many.run(complete) == (ExitStatus.COMPLETE, "")

    def answers(out_dir: Path) -> dict[int, str]:
        entries = json.loads((out_dir / "mlperf_log_accuracy.json").read_text())
        return {entry["qsl_idx"]: entry["data"] for entry in entries}

    all_answers = answers(job.root / "out1")
    assert answers(part_dir) == {index: all_answers[195 + index] for index in range(5)}


def test_an_empty_part_of_the_dataset_is_refused(many: ManyProcess, make_job: MakeJob) -> None:
    job = make_job("SingleStream", "accuracy")
    job.document["dataset"] |= {"first": 7, "after": 200}
    status, message = many.run(job)

    assert status is ExitStatus.BAD_JOB
    assert "after: must be below 200" in message
