"""A home of version 0.1 (tests/fixtures/home-0.1) is read as 0.1 wrote it."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.codec import decode, encode, read_document
from mlperf_home.contracts.runs.grids import CalibrationStore
from mlperf_home.contracts.studies.experiment import ExplorationOrigin
from mlperf_home.experiments.commands import answer as experiment_command
from mlperf_home.exploration.definition.journal import read_observations
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import DATASET, Measurement, Value, from_json
from mlperf_home.measurements.run_times import CHANGED_STATE
from mlperf_home.measurements.storage.index import Index, MeasurementFilter
from mlperf_home.measurements.storage.store import Store
from mlperf_home.measurements.table import family_rows, read_family, summary_rows
from mlperf_home.product import ENGINE, PRODUCT
from mlperf_home.published.classifiers import model_of
from mlperf_home.steps.exploring.experiment import exploration_name
from scriptgraph.cli.runs.record_file import read_record
from scriptgraph.cli.runs.replay import request_of
from scriptgraph.embed import Request, parse_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., dict[str, Any]]

FIXTURE = Path(__file__).parents[1] / "fixtures" / "home-0.1"
CHALLENGE = "run-mlperf@home-v3.1-cpu"
MODELS = ("mobilenet_0.25_64_int8", "mobilenet_0.50_64_int8")
EXPLORATION = "explore-sample-mobilenets-int8-80cd9e94"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the fixture's home: commands may write into it."""
    monkeypatch.setenv("CM_CORE_SKIP_INTERNAL_REPOS", "yes")  # an installed copy would be another repository
    return Path(shutil.copytree(FIXTURE / "home", tmp_path / "home"))


@pytest.fixture
def result(old: Path) -> Path:
    (path,) = (old / "results").rglob("measurement.json")
    return path.parent


@pytest.fixture
def bundled(old: Path, tmp_path: Path) -> Path:
    """Return the unpacked bundle."""
    with tarfile.open(bundle(old)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # from Python 3.11.4 on
        archive.extractall(tmp_path / "bundle")  # noqa: S202 - 0.1 made it, and its hash is in git
    return tmp_path / "bundle" / CHALLENGE


def bundle(home: Path) -> Path:
    return home / "challenges" / CHALLENGE / "sample" / "bundle.tar.gz"


def read(path: Path) -> Measurement:
    return from_json(path.read_text("utf-8"), str(path))


def ingest_again(folder: Path, stored: Measurement) -> Measurement:
    """Ingest a result again, with the facts that its logs lack."""
    name = stored.model["name"].value
    return ingest(folder, system=stored.system, model_name=None if name is None else str(name))


def known_to_0_1(measurement: Measurement) -> dict[str, Value]:
    """Return the values without those that version 0.1 did not have."""
    return {name: value for name, value in measurement.values.items() if name not in {DATASET, CHANGED_STATE}}


def shown(home: Path, **options: Any) -> list[dict[str, Any]]:
    answer = experiment_command("show", {"action": "show", "out": None, "home": str(home), **options})
    assert answer["return"] == 0, answer
    experiments: list[dict[str, Any]] = answer["experiments"]
    return experiments


def test_a_measurement_has_the_values_of_0_1(result: Path) -> None:
    document = json.loads((result / "measurement.json").read_text("utf-8"))

    found = read(result / "measurement.json")

    assert json.loads(json.dumps(asdict(found))) == document
    assert (found.benchmark, found.scenario, found.validity, found.sample) == ("resnet", "SingleStream", "VALID", True)
    assert found.values["top1_percent"].value == 91.667
    assert found.values["latency_ms"].value == 0.174018
    assert ("LoadGen says", "VALID") in summary_rows(found)


def test_logs_are_still_ingested_to_the_same_values(result: Path) -> None:
    stored = read(result / "measurement.json")

    found = ingest_again(result, stored)

    assert known_to_0_1(found) == stored.values
    assert found.engine == stored.engine
    assert found.logs == stored.logs
    assert (found.validity, found.reasons, found.warnings) == (stored.validity, stored.reasons, stored.warnings)
    assert found.unofficial_because == stored.unofficial_because
    assert found.model["sha256"] == stored.model["sha256"]


def steps(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all steps of a plan."""
    yield step
    for need in step["needs"]:
        for each in (need, *(value for value in need.values() if isinstance(value, dict))):
            if "alias" in each:
                yield from steps(each)


def test_a_record_has_its_request(old: Path) -> None:
    (record,) = (old / "records").glob("*/record.json")

    request = request_of(read_record(record, PRODUCT.schema("record")).document, Request(parse_query("none")))

    assert request.query == parse_query("run,mlperf,mobilenet,tflite,_sample")
    assert request.inputs == {"hw_name": "example"}
    assert list(request.overrides) == ["sample-dataset"]
    assert "--hw_name=example" in request.argv


def test_a_record_is_planned_again(old: Path) -> None:
    (record,) = (old / "records").glob("*/record.json")
    durations = json.loads((old / "state" / "durations.json").read_text("utf-8"))
    command = {"cmd": ["replay", "script"], "out": "con", "home": str(old), "record": str(record), "plan": True}

    unknown = ENGINE.replay_script(command)
    answer = ENGINE.replay_script({**command, "trust": True})

    assert "--trust" in unknown["error"]  # version 0.1 kept no log of its records
    assert answer["return"] == 0, answer
    assert answer["plan"]["root"]["alias"] == "run-mlperf-mobilenet-tflite"
    took = {each["alias"]: each["seconds_last_time"] for each in steps(answer["plan"]["root"])}
    assert took["get-dataset-sample-imagenet"] == durations["get-dataset-sample-imagenet"]
    assert list((old / "records").glob("*/record.json")) == [record]


def test_the_records_of_a_bundle_are_planned_again(old: Path, bundled: Path) -> None:
    for name, alias in (
        ("bert-99-deepsparse", "run-mlperf-bert-99-deepsparse"),
        ("explore-mobilenets", "explore-mlperf-models"),
    ):
        command = {"out": "con", "home": str(old), "record": str(bundled / "records" / f"{name}.json"), "plan": True}

        answer = ENGINE.replay_script({"cmd": ["replay", "script"], "trust": True, **command})

        assert answer["return"] == 0, answer
        assert answer["plan"]["root"]["alias"] == alias


def test_an_experiment_shows_its_points_and_its_front(old: Path) -> None:
    (listed,) = shown(old, artifact="models")
    (front,) = shown(old, artifact="models", pareto=True)

    assert [each["values"]["explored_MODEL"]["value"] for each in listed["measurements"]] == [*MODELS]
    assert [(each["values"], each["ok"]) for each in listed["points"]] == [({"MODEL": name}, True) for name in MODELS]
    (found,) = front["fronts"]
    assert [each["name"] for each in found["metrics"]] == ["latency_ms", "top1_percent"]
    assert (found["compared"], found["invalid"], found["lacking"]) == (2, 0, 0)
    assert [each["model"]["name"]["value"] for each in found["front"]] == [model_of(name) for name in MODELS]


def test_an_exploration_shows_its_answer(old: Path) -> None:
    written = json.loads((old / "experiments" / EXPLORATION / "answer.json").read_text("utf-8"))

    (experiment,) = shown(old, artifact=EXPLORATION, pareto=True)

    assert experiment["kind"] == "exploration"
    later = {"changing": [], "left_out": ""}
    parts = {part: [{**each, **later} for each in written[part]] for part in ("front", "undecided", "dropped")}
    assert experiment["answer"] == {**written, **parts, "dataset": "", "without_dataset": False}


@pytest.mark.parametrize("name", ["models", EXPLORATION])
def test_every_line_of_an_experiment_is_read(old: Path, name: str) -> None:
    folder, damages = old / "experiments" / name, list[str]()
    written = [json.loads(line) for line in (folder / "measurements.jsonl").read_text("utf-8").splitlines()]
    noted = [json.loads(line)["entry"] for line in (folder / "journal.jsonl").read_text("utf-8").splitlines()]

    found = list(Store(folder).measurements(damages))
    known = read_observations(folder / "journal.jsonl", dict, damages)

    assert damages == []
    assert [json.loads(json.dumps(asdict(each))) for each in found] == written
    assert known == {each["key"]: each["observed"] for each in noted if "key" in each}
    with Index(Store(folder)) as index:
        assert index.count() == len(written)
        assert len(list(index.find(MeasurementFilter({"benchmark": "resnet", "sample": True})))) == len(written)


def test_all_experiments_are_found(old: Path) -> None:
    answer = experiment_command("find", {"action": "find", "out": None, "home": str(old)})

    assert {each["name"]: each["measurements"] for each in answer["experiments"]} == {"models": 2, EXPLORATION: 3}


def test_a_sweeps_table_has_a_row_for_each_model(bundled: Path) -> None:
    """Read the exploration's runs of several models in place of a sweep's."""
    folders = [path.parent for path in bundled.glob("experiments/*/results/*/*/*/*/measurement.json")]

    rows = family_rows(read_family(folders))

    assert [(name, " ".join(words.split())) for name, words in rows] == [
        ("mobilenet_0.25_64_float", "0.0895 ms VALID"),
        ("mobilenet_0.50_64_int8", "0.1916 ms top-1 89.167 % VALID"),
        ("mobilenet_0.50_96_float", "0.5813 ms top-1 93.000 % VALID"),
    ]


def test_results_of_a_bundle_are_ingested_to_the_same_values(bundled: Path) -> None:
    """Ingest BERT, with its accuracy log truncated, and the runs of the exploration."""
    paths = sorted(bundled.glob("**/measurement.json"))
    assert len(paths) == 4

    for path in paths:
        stored = read(path)
        assert known_to_0_1(ingest_again(path.parent, stored)) == stored.values, path


def test_the_bundle_is_verified(old: Path, cm_run: Run) -> None:
    answer = cm_run("verify,bundle", bundle=str(bundle(old)))

    assert answer["return"] == 0, answer
    assert answer["new_env"]["CM_CHALLENGE_BUNDLE_NAME"] == CHALLENGE
    assert answer["new_env"]["CM_CHALLENGE_BUNDLE_SAMPLE"] is True


def test_a_measured_target_is_known(old: Path, cm_run: Run) -> None:
    (targets,) = (old / "state" / "systems").glob("*litert*/targets.json")
    env = {
        "CM_HW_NAME": "example", "CM_MLPERF_IMPLEMENTATION": "reference", "CM_MLPERF_DEVICE": "cpu",
        "CM_MLPERF_BACKEND": "litert", "CM_MLPERF_BACKEND_VERSION": "2.3.0", "CM_MLPERF_RUN_CONFIG": "default_config",
        "CM_MLPERF_LOADGEN_SCENARIO": "SingleStream", "CM_ML_MODEL_FULL_NAME": MODELS[1],
    }  # fmt: skip

    answer = cm_run("get,sut,configs", env=env)

    assert answer["return"] == 0, answer
    assert answer["new_env"]["CM_SUT_CONFIG_PATH"] == str(targets)
    assert float(answer["new_env"]["CM_MLPERF_KNOWN_TARGET_LATENCY"]) == 0.178234


def test_a_calibration_is_read(old: Path) -> None:
    (path,) = (old / "state" / "systems").glob("*deepsparse*/*-calibration.json")
    store = read_document(path, CalibrationStore)

    assert encode(store) == json.loads(path.read_text("utf-8"))
    assert store.entries


def test_a_submission_is_made_of_the_results(old: Path, cm_run: Run, tmp_path: Path) -> None:
    measurement = next((old / "results").rglob("measurement.json"))
    processor = json.loads(measurement.read_text("utf-8"))["system"]["host_processor_model_name"]["value"]
    # The results were measured on another machine than the one that runs this test.
    described = tmp_path / "system.json"
    described.write_text(json.dumps({"host_processor_model_name": processor}), encoding="utf-8")
    options = {"results_dir": str(old / "results"), "submission_dir": str(tmp_path / "tree"), "submitter": "Example"}

    answer = cm_run("generate,mlperf,inference,submission", **options, allow_sample="yes", system_file=str(described))

    assert answer["return"] == 0, answer
    assert answer["new_env"]["CM_MLPERF_SUBMISSION_RESULTS"] == 1


def test_an_exploration_of_equal_options_has_another_name(old: Path) -> None:
    """Races have other rules since version 0.1, so its exploration is not resumed."""
    made_by = json.loads((old / "experiments" / EXPLORATION / "experiment.json").read_text("utf-8"))["made_by"]

    origin = decode(made_by, ExplorationOrigin, "made_by")

    assert origin.settings.rounds == made_by["settings"]["rounds"]
    assert exploration_name(origin) != EXPLORATION
