"""Open choices of a job are calibrated once, stored, and reused where the calibration is valid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.grids import Calibration, Disturbance, Doubt, Grid, Speed
from mlperf_home.contracts.runs.job import decode_job
from mlperf_home.contracts.runs.progress import CalibratedEvent, CalibratingEvent, Event
from mlperf_home.engines.base import LENGTHS, BackendError, EngineSetup
from mlperf_home.harness import preparation
from mlperf_home.harness.preparation import ChosenGrid, choose_grid

if TYPE_CHECKING:
    from pathlib import Path

    from harness_jobs import JobFolder, MakeJob

    from mlperf_home.engines.calibration.shapes import Contest


class Called(NamedTuple):
    """The arguments of a calibration."""

    setup: EngineSetup
    contest: Contest
    lengths: tuple[int, ...]
    budget_s: float

    @property
    def batch_sizes(self) -> set[int]:
        return {each.batch_size for each in self.contest.contenders}


class ProgressRecorder:
    """Collects progress events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the calibration; the list has the arguments of each call."""
    calls: list[Any] = []

    def calibrate(
        _make: object, setup: EngineSetup, contest: Contest, lengths: tuple[int, ...], *, budget_s: float
    ) -> Calibration:
        calls.append(Called(setup, contest, lengths, budget_s))
        streams, batch = max(each.streams for each in contest.contenders), contest.contenders[-1].batch_size
        return Calibration(
            Grid(lengths, (batch,) * max(1, len(lengths)), streams),
            (Speed(96, 1, 1, 10.0, 3),),
            (),
            1.0,
            threads=contest.contenders[0].threads,
            chosen="the choice",
            doubt=Doubt("another", 4.0, 0.98, 3.0),
            disturbance=Disturbance(),
            budget_s=budget_s,
            settled=True,
            made_utc=f"2026-12-01T10:00:{len(calls):02}+00:00",
        )

    monkeypatch.setattr(preparation, "calibrate", calibrate)
    return calls


def choose(
    job_folder: JobFolder,
    progress: ProgressRecorder | None = None,
    sha256: str | None = "ab" * 32,
    *,
    has_lengths: bool = True,
    **backend: Any,
) -> ChosenGrid:
    document = job_folder.document
    document["calibration_path"] = str(job_folder.root / "calibration" / "grids.json")
    document["backend"] |= {"lengths": None, "batch_sizes": None, "streams": None} | backend
    return choose_grid(
        decode_job(document), has_lengths=has_lengths, model_sha256=sha256, progress=progress or ProgressRecorder()
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
    assert progress.events[0] == CalibratingEvent(budget_s=60.0)
    (ended,) = (each for each in progress.events if isinstance(each, CalibratedEvent))
    assert ended.words.startswith("the choice; 4 % faster than another")
    assert len(progress.events) == 2
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
    assert measured[0].batch_sizes == {1}


def test_given_choices_limit_the_candidates(make_job: MakeJob, measured: list[Any]) -> None:
    choose(make_job(), lengths=[128, 384], streams=2)
    (called,) = measured
    assert called.lengths == (128, 384)
    assert {each.streams for each in called.contest.contenders} == {2}


@pytest.mark.parametrize(("scenario", "name"), [("SingleStream", "deepsparse"), ("Offline", "echo")])
def test_a_fixed_grid_is_not_calibrated(make_job: MakeJob, measured: list[Any], scenario: str, name: str) -> None:
    chosen = choose(make_job(scenario), name=name)
    assert chosen == ChosenGrid(Grid(LENGTHS, (1,) * len(LENGTHS), 1), "fixed")
    assert measured == []


def test_a_refusal_of_the_engine_is_reported(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> Calibration:
        raise BackendError("the engine wants another model")

    monkeypatch.setattr(preparation, "calibrate", refuse)
    with pytest.raises(HarnessError, match="wants another model") as caught:
        choose(make_job())
    assert caught.value.status is ExitStatus.BACKEND_REFUSED


def test_a_store_that_cannot_be_written_is_named(make_job: MakeJob, measured: list[Any], tmp_path: Path) -> None:
    (tmp_path / "calibration").touch()
    with pytest.raises(HarnessError, match="calibration_path cannot be written"):
        choose(make_job())


def kept_with(job: JobFolder, **changes: Any) -> None:
    """Change the kept calibration."""
    path = job.root / "calibration" / "grids.json"
    document = json.loads(path.read_text("utf-8"))
    document["entries"][0]["calibration"] |= changes
    path.write_text(json.dumps(document), "utf-8")


DISTURBED = {"disturbed_because": ["other programs used 35.0 % of the CPUs' time"]}
SLOW = {"confirmed": False, "reached_per_second": 50.0, "promised_per_second": 100.0, "run_utc": "2026-12-01"}


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Replace the look at the machine; the last value of the list is its answer."""
    answers = [True]
    monkeypatch.setattr(preparation.QuietWatch, "is_quiet_now", lambda _: answers[-1])
    return answers


@pytest.mark.parametrize(
    ("kept", "because"),
    [
        ({"doubt": None}, "version 0.1"),
        ({"settled": False, "budget_s": 1.0}, "had 1 s, this one has 60 s"),
        ({"disturbance": DISTURBED}, "the machine is quiet now"),
        ({"confirmation": SLOW, "unconfirmed": 1}, "only 50% of the speed"),
    ],
)
@pytest.mark.usefixtures("quiet")
def test_a_doubtful_calibration_is_made_anew(
    make_job: MakeJob, measured: list[Any], kept: dict[str, Any], because: str
) -> None:
    job, progress = make_job(), ProgressRecorder()
    choose(job)
    kept_with(job, **kept)
    assert choose(job, progress).origin == "calibrated"
    assert len(measured) == 2
    (event,) = (each for each in progress.events if isinstance(each, CalibratingEvent))
    assert because in event.because


@pytest.mark.parametrize(
    "kept",
    [{"disturbance": DISTURBED}, {"confirmation": SLOW, "unconfirmed": 2}, {"settled": False, "budget_s": 60.0}],
)
def test_a_new_calibration_that_would_not_help_is_not_made(
    make_job: MakeJob, measured: list[Any], quiet: list[bool], kept: dict[str, Any]
) -> None:
    job = make_job()
    choose(job)
    kept_with(job, **kept)
    quiet.append(False)
    assert choose(job).origin == "stored"


@pytest.mark.parametrize("change", [{"mode": "accuracy"}, {"same_calibration": True}])
def test_an_accuracy_run_and_a_study_keep_the_choice(
    make_job: MakeJob, measured: list[Any], change: dict[str, Any]
) -> None:
    job = make_job()
    choose(job)
    kept_with(job, doubt=None)
    job.document |= change
    assert choose(job).origin == "stored"


def test_recalibrate_makes_one_new_calibration_a_request(make_job: MakeJob, measured: list[Any]) -> None:
    job = make_job()
    choose(job)
    job.document["recalibrate_since"] = "2026-12-01T10:00:02+00:00"
    assert [choose(job).origin for _ in range(3)] == ["calibrated", "stored", "stored"]


def test_a_time_limit_leaves_most_of_it_to_the_run(make_job: MakeJob, measured: list[Any]) -> None:
    job = make_job()
    job.document |= {"time_limit_s": 120.0, "calibration_s": 240.0}
    choose(job)
    assert measured[0].budget_s == 30.0


@pytest.mark.parametrize(("scenario", "tail"), [("SingleStream", True), ("Offline", False)])
def test_open_threads_of_one_stream_are_calibrated(
    make_job: MakeJob, measured: list[Any], scenario: str, tail: bool
) -> None:
    job = make_job(scenario)
    chosen = choose(job, has_lengths=False, name="litert", streams=1, cores=2)
    assert chosen.calibration is not None
    assert [each.threads for each in measured[0].contest.contenders] == [1, 2]
    assert measured[0].contest.tail is tail
    assert chosen.setup(decode_job(job.document), chosen.grid).options["threads"] == 1
    assert choose(job, has_lengths=False, name="litert", streams=1, cores=2).origin == "stored"


@pytest.mark.parametrize("change", [{"options": {"threads": 2}}, {"streams": 2}, {"cores": 1}, {"name": "deepsparse"}])
def test_given_or_shared_threads_are_not_calibrated(
    make_job: MakeJob, measured: list[Any], change: dict[str, Any]
) -> None:
    choose(make_job("SingleStream"), has_lengths=False, **{"name": "litert", "streams": 1, "cores": 2, **change})
    assert measured == []
