"""Runs that fail: a second failure leaves the point out; a failure of the machine stops the study at once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from results_logs import make_session, write_logs

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.runs.failures import ExitStatus
from mlperf_home.contracts.runs.session import IngestError
from mlperf_home.contracts.studies.race import Settings
from mlperf_home.contracts.studies.study import Candidate, EngineEnvironment, RunConditions, SettledPoint, StudyPlan
from mlperf_home.exploration.definition.meter import AbsentPointError, PointFailedError
from mlperf_home.exploration.live.jobs import Engines
from mlperf_home.exploration.live.meter import LiveMeter, StudyStoppedError
from mlperf_home.exploration.live.plan import read_plan, space_of
from mlperf_home.harness.short_runs import MOST_REPEATS
from mlperf_home.steps.exploring.options import known_space

MODEL = "sample-mobilenet/0.25/64/int8"


class Failing(Engines):
    """Engines whose runs all end with one status."""

    def __init__(self, status: ExitStatus) -> None:
        super().__init__({})
        self.status, self.jobs = status, []

    def run(self, backend: str, job: Path, *, new_interpreter: bool) -> tuple[ExitStatus, str]:
        self.jobs.append((backend, json.loads(job.read_text()), new_interpreter))
        return self.status, "it ended badly"


def plan(folder: Path) -> StudyPlan:
    space = known_space("sample_mobilenets")
    return StudyPlan(
        space=msgspec.structs.replace(space, axes={**space.axes, "threads": (2,), "xnnpack": ("no",)}),
        settings=Settings(),
        searcher="race",
        budget_s=None,
        priors={},
        candidates={MODEL: Candidate("small", "/no/model.tflite", "/no/images")},
        absent={"sample-mobilenet/0.25/64/float": "its host is gone"},
        engines={"litert": EngineEnvironment("/usr/bin/python3", (), "machine")},
        running=RunConditions("v3.1", "resnet", "SingleStream", "sample", "imagenet", True, 60.0, None, {}),
        folder=folder,
        work_dir=folder / "work",
    )


def points(study: StudyPlan) -> dict[str, object]:
    return {point.model: point for point in space_of(study).points}


def test_a_written_plan_is_read_back(tmp_path: Path) -> None:
    study = plan(tmp_path)
    write_document(tmp_path / "plan.json", study)

    assert read_plan(tmp_path / "plan.json") == study
    assert space_of(read_plan(tmp_path / "plan.json")) == space_of(study)


def test_a_point_fails_after_its_second_crash(tmp_path: Path) -> None:
    study, engines = plan(tmp_path), Failing(ExitStatus.KILLED)

    with pytest.raises(PointFailedError, match=r"it ended badly \(tried 2 times\)"):
        LiveMeter(study, engines, lambda _: None).probe(points(study)[MODEL], 0.5, 0)

    assert len(engines.jobs) == 2
    backend, job, new_interpreter = engines.jobs[0]
    assert (backend, new_interpreter) == ("litert", False)
    assert job["backend"]["options"] == {"threads": 2, "xnnpack": False}
    assert "resnet50.SingleStream.min_duration = 500" in (tmp_path / "running" / "user.conf").read_text()


@pytest.mark.parametrize("status", [ExitStatus.BAD_OUTPUT, ExitStatus.BAD_JOB, ExitStatus.TERMINATED])
def test_a_failure_of_the_machine_stops_the_study(tmp_path: Path, status: ExitStatus) -> None:
    study, engines = plan(tmp_path), Failing(status)

    with pytest.raises(StudyStoppedError, match="the same command then resumes the study"):
        LiveMeter(study, engines, lambda _: None).probe(points(study)[MODEL], 0.5, 0)

    assert len(engines.jobs) == 1


def test_a_point_whose_model_is_absent_is_tried_again(tmp_path: Path) -> None:
    study, engines = plan(tmp_path), Failing(ExitStatus.COMPLETE)

    with pytest.raises(AbsentPointError, match="its host is gone; the same command tries it again"):
        LiveMeter(study, engines, lambda _: None).probe(points(study)["sample-mobilenet/0.25/64/float"], 0.5, 0)

    assert not engines.jobs


@pytest.mark.parametrize("content", ["another model", None])
def test_an_exploration_does_not_go_on_with_another_model(tmp_path: Path, content: str | None) -> None:
    asked, model = plan(tmp_path), tmp_path / "model.onnx"
    asked = replace(asked, candidates={MODEL: Candidate("small", str(model), "/no/images")})
    model.write_text("the model", "utf-8")
    point = points(asked)[MODEL].name
    known = SettledPoint(options={}, target=1.0, model_sha256=hashlib.sha256(b"the model").hexdigest())
    write_document(tmp_path / "settled.json", {point: known})
    engines = Failing(ExitStatus.KILLED)
    asked = replace(asked, engines={"echo": asked.engines["litert"]})
    LiveMeter(asked, engines, lambda _: None)

    model.write_text(content, "utf-8") if content else model.unlink()

    with pytest.raises(StudyStoppedError, match=r"model\.onnx: is another model than this exploration began with"):
        LiveMeter(asked, engines, lambda _: None)


def test_points_that_0_1_settled_are_taken(tmp_path: Path) -> None:
    asked = plan(tmp_path)
    (tmp_path / "settled.json").write_text(json.dumps({points(asked)[MODEL].name: {"options": {}, "target": 1.0}}))
    LiveMeter(asked, Failing(ExitStatus.KILLED), lambda _: None)


class Short(Failing):
    """Engines whose first runs end too early; each leaves its logs."""

    def __init__(self, short: int) -> None:
        super().__init__(ExitStatus.COMPLETE)
        self.short, self.targets = short, []

    def run(self, backend: str, job: Path, *, new_interpreter: bool) -> tuple[ExitStatus, str]:
        described = json.loads(job.read_text())
        conf = (job.parent / "user.conf").read_text("utf-8")
        self.targets.append(float(conf.partition("Offline.target_qps = ")[2].splitlines()[0]))
        met = {"result_min_duration_met": len(self.targets) > self.short}
        rate = {"result_samples_per_second": 2 * self.targets[-1], "effective_target_qps": self.targets[-1]}
        write_logs(Path(described["out_dir"]), changes={**met, **rate})
        Path(described["session_path"]).write_text("{}")
        return super().run(backend, job, new_interpreter=new_interpreter)


@pytest.mark.parametrize(("short", "runs"), [(0, 1), (2, 3), (9, 1 + MOST_REPEATS)])
def test_an_official_run_is_repeated_until_long_enough(tmp_path: Path, short: int, runs: int) -> None:
    study, engines = plan(tmp_path), Short(short)
    study = replace(study, running=replace(study.running, scenario="Offline", style="valid"))
    point = points(study)[MODEL]
    write_document(tmp_path / "settled.json", {point.name: SettledPoint(options={}, target=100.0)})
    published: list[str] = []

    with pytest.raises(IngestError):  # the sessions of these runs are empty
        LiveMeter(study, engines, lambda each: published.append(each.name)).official(point)

    assert published == [point.name]
    # Each run is twice as fast as the one before expected.
    assert engines.targets == pytest.approx([101 * 2.2**number for number in range(runs)])


class Calibrating(Failing):
    """Engines that chose one thread in the first run's calibration, for a model with this hash."""

    def __init__(self, sha256: str | None) -> None:
        super().__init__(ExitStatus.COMPLETE)
        self.sha256 = sha256

    def run(self, backend: str, job: Path, *, new_interpreter: bool) -> tuple[ExitStatus, str]:
        described = json.loads(job.read_text())
        logs = Path(described["out_dir"])
        write_logs(logs, scenario="SingleStream")
        grid = {"lengths": [], "batch_sizes": [1], "streams": 1}
        calibration = {"grid": grid, "measured": [], "skipped": [], "elapsed_s": 3.0, "threads": 1}
        session = {**make_session(logs, "performance", "SingleStream"), "calibration": calibration}
        session["model"] = {**session["model"], "sha256": self.sha256}
        Path(described["session_path"]).write_text(json.dumps(session))
        return super().run(backend, job, new_interpreter=new_interpreter)


@pytest.mark.parametrize(("sha256", "threads"), [("ab" * 32, None), (None, 1)])
def test_all_runs_of_a_point_use_the_calibrated_threads(
    tmp_path: Path, sha256: str | None, threads: int | None
) -> None:
    study, engines = plan(tmp_path), Calibrating(sha256)
    study = replace(study, space=msgspec.structs.replace(study.space, axes={**study.space.axes, "threads": (None,)}))
    meter = LiveMeter(study, engines, lambda _: None)
    point = points(study)[MODEL]

    for number in range(2):
        meter.probe(point, 0.5, number)

    first, second = (job for _, job, _ in engines.jobs)
    # A calibration is kept by the model's hash, beside the journal.
    for job in (first, second):
        assert job["calibration_path"] == str(tmp_path / "calibration.json")
        assert (job["calibration_s"], job["same_calibration"]) == (15.0, True)
    assert "threads" not in first["backend"]["options"]
    assert second["backend"]["options"].get("threads") == threads
