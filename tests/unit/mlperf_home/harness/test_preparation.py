"""Open choices of a job are calibrated once, stored, and reused where the calibration is valid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.grids import Calibration, Grid, Speed
from mlperf_home.contracts.runs.job import decode_job
from mlperf_home.contracts.runs.progress import CalibratingEvent, Event
from mlperf_home.engines.base import LENGTHS, BackendError
from mlperf_home.harness import preparation
from mlperf_home.harness.preparation import ChosenGrid, choose_grid

if TYPE_CHECKING:
    from pathlib import Path

    from harness_jobs import JobFolder, MakeJob

    from mlperf_home.contracts.runs.grids import Candidates


class ProgressRecorder:
    """Collects progress events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the calibration; the list has the candidates of each call."""
    calls: list[Any] = []

    def calibrate(_make: object, _request: object, candidates: Candidates) -> Calibration:
        calls.append(candidates)
        grid = Grid(candidates.lengths, (max(candidates.batch_sizes),) * len(candidates.lengths), 2)
        return Calibration(grid, (Speed(96, 1, 1, 10.0, 3),), (), 1.0)

    monkeypatch.setattr(preparation, "calibrate", calibrate)
    return calls


def choose(
    job_folder: JobFolder, progress: ProgressRecorder | None = None, sha256: str | None = "ab" * 32, **backend: Any
) -> ChosenGrid:
    document = job_folder.document
    document["calibration_path"] = str(job_folder.root / "calibration" / "grids.json")
    document["backend"] |= {"lengths": None, "batch_sizes": None, "streams": None} | backend
    return choose_grid(
        decode_job(document), has_lengths=True, model_sha256=sha256, progress=progress or ProgressRecorder()
    )


def test_a_given_grid_is_not_calibrated(make_job: MakeJob, measured: list[Any]) -> None:
    chosen = choose(make_job(), batch_sizes=[8], streams=2)
    assert chosen == ChosenGrid(Grid(LENGTHS, (8,) * len(LENGTHS), 2), "given")
    assert measured == []


def test_an_open_grid_is_calibrated_once(make_job: MakeJob, measured: list[Any]) -> None:
    job, progress = make_job(), ProgressRecorder()
    first = choose(job, progress)
    again = choose(job, progress)
    assert (first.origin, again.origin) == ("calibrated", "stored")
    assert first.grid == again.grid == Grid(LENGTHS, (8,) * len(LENGTHS), 2)
    assert progress.events == [CalibratingEvent()]
    assert first.calibration == again.calibration
    assert first.calibration is not None


@pytest.mark.parametrize("change", [{"sha256": "cd" * 32}, {"lengths": [384]}, {"options": {"trial": False}}])
def test_another_model_grid_or_option_is_calibrated_again(
    make_job: MakeJob, measured: list[Any], change: dict[str, Any]
) -> None:
    job = make_job()
    choose(job)
    choose(job, **change)
    assert len(measured) == 2
    document = json.loads((job.root / "calibration" / "grids.json").read_text("utf-8"))
    assert len(document["entries"]) == 2


def test_a_model_without_a_file_is_calibrated_each_time(make_job: MakeJob, measured: list[Any]) -> None:
    job = make_job()
    choose(job, sha256=None)
    choose(job, sha256=None)
    assert len(measured) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 0}', '{"schema": 1, "entries": [{"key": 1}, 2]}'])
def test_a_broken_store_is_rewritten(make_job: MakeJob, measured: list[Any], text: str) -> None:
    job = make_job()
    (job.root / "calibration").mkdir()
    (job.root / "calibration" / "grids.json").write_text(text, "utf-8")
    assert choose(job).origin == "calibrated"
    assert choose(job).origin == "stored"


def test_only_offline_compares_batch_sizes(make_job: MakeJob, measured: list[Any]) -> None:
    choose(make_job("Server"))
    assert measured[0].batch_sizes == (1,)


def test_given_choices_limit_the_candidates(make_job: MakeJob, measured: list[Any]) -> None:
    choose(make_job(), lengths=[128, 384], streams=2)
    (candidates,) = measured
    assert (candidates.lengths, candidates.streams) == ((128, 384), (2,))


@pytest.mark.parametrize(("scenario", "name"), [("SingleStream", "deepsparse"), ("Offline", "echo")])
def test_a_fixed_grid_is_not_calibrated(make_job: MakeJob, measured: list[Any], scenario: str, name: str) -> None:
    chosen = choose(make_job(scenario), name=name)
    assert chosen == ChosenGrid(Grid(LENGTHS, (1,) * len(LENGTHS), 1), "fixed")
    assert measured == []


def test_a_refusal_of_the_engine_is_reported(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> Calibration:
        raise BackendError("the engine wants another model")

    monkeypatch.setattr(preparation, "calibrate", refuse)
    with pytest.raises(HarnessError, match="wants another model") as caught:
        choose(make_job())
    assert caught.value.status is ExitStatus.BACKEND_REFUSED


def test_a_store_that_cannot_be_written_is_named(make_job: MakeJob, measured: list[Any], tmp_path: Path) -> None:
    (tmp_path / "calibration").touch()
    with pytest.raises(HarnessError, match="calibration_path cannot be written"):
        choose(make_job())
