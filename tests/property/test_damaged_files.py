"""Every parser of bytes from outside ends in one of our errors, on one line, whatever is in the file."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import pytest
from damaged_bytes import damaged
from hypothesis import given, settings
from kept_times import honest, single_stream_result
from kept_times import kept as kept_times
from recorded_machines import MACHINES
from results_logs import SESSION, write_result

from mlperf_home.accuracy.squad import read_logits
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.codec import to_line as document_line
from mlperf_home.contracts.runs.failures import HarnessError
from mlperf_home.contracts.runs.grids import CalibrationStore
from mlperf_home.contracts.runs.job import read_job
from mlperf_home.contracts.runs.progress import parse_event
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.contracts.studies.answer import read_answer
from mlperf_home.contracts.studies.estimate import read_estimate
from mlperf_home.contracts.studies.events import read_study_event
from mlperf_home.datasets.imagenet import pixels
from mlperf_home.datasets.imagenet.images import find_images, read_labels
from mlperf_home.datasets.imagenet.samples import PROVENANCE
from mlperf_home.datasets.squad.reading import read_dataset, read_vocabulary
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx import graph
from mlperf_home.engines.onnx.classifier_file import read_onnx_classifier
from mlperf_home.engines.onnx.model_file import external_files
from mlperf_home.engines.tflite.classifier_file import read_classifier_file
from mlperf_home.errors import LocatedError
from mlperf_home.experiments.arguments import read_derivations
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.experiments.values import read_value_options
from mlperf_home.exploration.definition.journal import read_observations
from mlperf_home.harness.user_conf import check_user_conf
from mlperf_home.latencies.bootstrap import mean_interval, percentile_interval, rate_interval
from mlperf_home.latencies.over_time import draw, over_time
from mlperf_home.latencies.series import read_series
from mlperf_home.latencies.states import states_of
from mlperf_home.loadgen_logs.accuracy_log import read_accuracy_text
from mlperf_home.loadgen_logs.answer_reader import read_answers
from mlperf_home.loadgen_logs.answer_writer import encoded
from mlperf_home.loadgen_logs.answers import class_column
from mlperf_home.loadgen_logs.run_log import read_run
from mlperf_home.machine.cpu.cpuinfo import parse_lscpu
from mlperf_home.machine.facts import read_machine
from mlperf_home.machine.firmware import parse_modules
from mlperf_home.measurements.imports.importing import read_any
from mlperf_home.measurements.imports.published import read_published
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Measurement, Value, read_measurement, to_json
from mlperf_home.measurements.prices import read_prices, with_cost
from mlperf_home.measurements.storage.store import Store, to_line
from mlperf_home.measurements.table import family_rows, summary_rows
from mlperf_home.pictures.picture import read_picture
from mlperf_home.published import results as published_results
from mlperf_home.published.results import read_results
from mlperf_home.rules import load_round
from mlperf_home.samples import bert, mobilenet
from mlperf_home.submission.check.structure import MappingError, parse_mapping
from mlperf_home.submission.system.file import read_overrides
from mlperf_home.testing import tiny_bert, tiny_classifier, tiny_onnx_classifier
from mlperf_home.testing.tiny_onnx_classifier import TinyOnnxClassifier
from scriptgraph.catalog.index import _decoded
from scriptgraph.catalog.repositories import repository_fields
from scriptgraph.cli.runs.record_file import read_record
from scriptgraph.errors import ScriptGraphError
from scriptgraph.files.kernel_files import count_listed, read_integer, read_line
from scriptgraph.files.parsing import parsing
from scriptgraph.manifest.text import parse_manifest, read_head
from scriptgraph.printable import shortened
from scriptgraph.python_env.uv import _pip_settings

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLISHED = Path(published_results.__file__).parent
CROWD = {
    "source": "s",
    "licence": "l",
    "machines": 3,
    "families": 1,
    "runtimes": ["litert"],
    "runtime_known": True,
    "distance": 1.0,
}
ESTIMATE = {
    "schema": 1,
    "name": "s",
    "sample": False,
    "system": "s",
    "cpu": "c",
    "engine": "e",
    "runtime": "litert",
    "confidence": 0.9,
    "models": [],
    "positions": [],
    "no_position": "",
    "crowd": CROWD,
    "spent_s": 1.0,
    "warnings": [],
}
OURS = (ScriptGraphError, LocatedError, BackendError, HarnessError, MappingError)
SMALL = TinyOnnxClassifier(classes=10)
ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("DAMAGED_FILES", "30"))


class Parser(NamedTuple):
    """A parser of a file: its real content, and the call."""

    content: bytes
    read: Callable[[Path], object]


def in_folder(name: str, read: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a reader of a folder in which the damaged file has a name."""

    def read_folder(path: Path) -> object:
        target = path.parent / "folder" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        return read(path.parent / "folder")

    return read_folder


HOME = ROOT / "tests" / "fixtures" / "home-0.1" / "home"
STUDY = HOME / "experiments" / "explore-sample-mobilenets-int8-80cd9e94"
(RESULT,) = (path.parent for path in (HOME / "results").rglob("measurement.json"))
(RECORD,) = HOME.rglob("record.json")
BUNDLED = mobilenet.__file__
TABLE = (
    "round,organization,platform,system,cpu,sockets,cores,framework,os,"
    "family,multiplier,resolution,precision,top1,latency_ms,energy_mj,n_rows\n"
    "v3.1,Lab,board,Board,CPU,1,4,TFLite,Linux,mobilenet-v1,1.0,224,fp32,70.9,12.5,,1\n"
)
BERT_TABLE = (
    "version,Division,Organization,Platform,SystemName,host_processor_model_name,framework,host_processors_per_node,"
    "host_processor_core_count,MlperfModel,Model,Scenario,Accuracy,Result,Result_Units\n"
    "v3.1,open,Lab,board,Board,CPU,DeepSparse,2,32,bert-99,obert,Offline,90.1,120.5,Samples/s\n"
)
ACCURACY_LOG = json.dumps(
    [{"seq_id": 0, "qsl_idx": 0, "data": "00" * 16}, {"seq_id": 1, "qsl_idx": 1, "data": "00" * 16}]
)
PRICES = '{"currency": "USD", "prices": [{"match": "*", "price_per_hour": 0.68}]}'
USER_CONF = "*.Offline.target_qps = 20\n*.Offline.min_duration = 600000\n"
CMR = "alias: mine\nuid: 12345678abcd1234\ngit: false\n"
SCRIPT = "alias: mine\nuid: 1234567890abcdef\ntags: [a, b]\nenv:\n  CM_X: 12\n  CM_Y: 1.5\nlist: [1, 2]\n"
DMIDECODE = "Memory Device\n\tSize: 16 GB\n\tType: DDR4\n\tSpeed: 2400 MT/s\n\nMemory Device\n\tSize: 16 GB\n"


def array() -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(12, dtype=np.int32).reshape(3, 4))
    return content.getvalue()


def photograph() -> bytes:
    return bytes(cv2.imencode(".jpg", np.arange(48 * 48 * 3, dtype=np.uint8).reshape(48, 48, 3))[1])


def tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for number in (1, 2):
            member = tarfile.TarInfo(f"val/ILSVRC2012_val_0000000{number}.JPEG")
            member.size = 100
            archive.addfile(member, io.BytesIO(bytes(100)))
    return content.getvalue()


def bert_graph(path: Path) -> None:
    external_files(path)
    graph.read_signature(graph.load(path), path)


def show(measurement: Measurement) -> None:
    """Do what a table of results does with a measurement."""
    summary_rows(measurement)
    family_rows([measurement, measurement])
    assert json.loads(to_json(measurement), parse_constant=pytest.fail)
    to_line(measurement)


def show_all(measurements: Any) -> None:
    for each in measurements:
        show(each)


def store(folder: Path) -> None:
    damages: list[str] = []
    show_all(Store(folder).measurements(damages))
    assert all("\n" not in each for each in damages)


def prices(path: Path) -> None:
    show(with_cost(read_measurement(RESULT / "measurement.json"), read_prices(path)))


def conf(path: Path) -> None:
    check_user_conf(path, "bert", "Offline")


def logs(folder: Path) -> None:
    result = read_run(folder)
    assert result.percentiles_ns is not None
    assert result.mean_latency_ms is None or result.mean_latency_ms == result.mean_latency_ms
    assert result.seeds
    assert result.reasons is not None
    assert result.peak_qps is None or result.peak_qps >= 0


def foreign(folder: Path) -> None:
    problems: list[str] = []
    show_all(read_any(folder, "v3.1", "bert-99", problems).measurements)
    assert all("\n" not in each for each in problems)


def derived(path: Path) -> None:
    known = {"x": Value(2.0, "copied"), "cores": Value(4, "copied")}
    for expression in read_derivations(path.read_bytes().decode("utf-8", "surrogateescape")).values():
        expression.value(known)


def latencies(path: Path) -> None:
    """Do what a measurement and a report do with kept times."""
    series = read_series(path)
    rate_interval(series)
    if not series.completions:
        mean_interval(series)
        percentile_interval(series, 0.9)
    states_of(series)
    assert draw(over_time(series), "x")


def latencies_of_result(path: Path) -> None:
    folder = single_stream_result(path.parent / "folder", honest(2000))
    path.replace(folder / "performance" / "run_1" / "latencies.json")
    ingest(folder)


def accuracy(path: Path) -> None:
    read_logits(path, 2, 2)


def write_logs(folder: Path) -> dict[str, str]:
    write_result(folder)
    return {path.name: path.read_text() for path in (folder / "performance" / "run_1").iterdir()}


def text(read: Callable[[str], object]) -> Callable[[Path], object]:
    """Return a reader of a file whose text is parsed."""
    return lambda path: read(path.read_bytes().decode("utf-8", "replace"))


def result(name: str) -> Callable[[Path], object]:
    """Return a reader of a result's folder, in which one file is damaged."""

    def read_in_result(path: Path) -> object:
        folder = write_result(path.parent / "folder")
        path.replace(folder / name)
        return ingest(folder)

    return read_in_result


def documents() -> dict[str, Parser]:
    """Return the parsers of documents that we write."""
    return {
        "measurement": Parser((RESULT / "measurement.json").read_bytes(), lambda path: show(read_measurement(path))),
        "store": Parser((STUDY / "measurements.jsonl").read_bytes(), in_folder("measurements.jsonl", store)),
        "journal": Parser((STUDY / "journal.jsonl").read_bytes(), lambda path: read_observations(path, dict, [])),
        "answer": Parser((STUDY / "answer.json").read_bytes(), read_answer),
        "experiment": Parser(
            (STUDY / "experiment.json").read_bytes(),
            in_folder("x/experiment.json", lambda folder: Experiments(folder).load("x")),
        ),
        "record": Parser(RECORD.read_bytes(), lambda path: read_record(path, json.loads(RECORD.read_text())["schema"])),
        "session": Parser(json.dumps(SESSION).encode(), read_session),
        "job": Parser(json.dumps(SESSION["job"]).encode(), read_job),
        "calibrations": Parser(b'{"entries": []}', lambda path: read_document(path, CalibrationStore)),
        "published results": Parser((PUBLISHED / "sample.json.xz").read_bytes(), read_results),
        "estimate": Parser(json.dumps(ESTIMATE).encode(), read_estimate),
        "picture": Parser(b'{"title": "t", "x": {}, "marks": []}', read_picture),
    }


def logs_of_loadgen(folder: Path) -> dict[str, Parser]:
    """Return the parsers of a run's files; `folder` gets the real ones."""
    kept = write_logs(folder)

    def beside(name: str, read: Callable[[Path], object]) -> Callable[[Path], object]:
        """Return a reader of a folder of logs, in which one is damaged."""

        def read_beside(path: Path) -> object:
            folder = path.parent / "folder"
            folder.mkdir(exist_ok=True)
            for other, text in kept.items():
                (folder / other).write_text(text)
            path.replace(folder / name)
            return read(folder)

        return read_beside

    return {
        "result": Parser((folder / "performance-session.json").read_bytes(), result("performance-session.json")),
        "detail log": Parser(kept["mlperf_log_detail.txt"].encode(), beside("mlperf_log_detail.txt", logs)),
        "summary": Parser(kept["mlperf_log_summary.txt"].encode(), beside("mlperf_log_summary.txt", logs)),
        "foreign logs": Parser(kept["mlperf_log_detail.txt"].encode(), beside("mlperf_log_detail.txt", foreign)),
        "accuracy log": Parser(ACCURACY_LOG.encode(), accuracy),
        "answers": Parser(
            encoded([class_column("a" * 64, [1, 2, 2]), class_column("b" * 64, [1, 2, 3])]), read_answers
        ),
        "accuracy text": Parser(b'{"exact_match": 83.58, "f1": 90.18}\nhash=' + b"a" * 64, read_accuracy_text),
        "latencies": Parser(document_line(kept_times(honest(3000))).encode(), latencies),
        "latencies of a result": Parser(document_line(kept_times(honest(1999))).encode(), latencies_of_result),
        "user.conf": Parser(USER_CONF.encode(), conf),
    }


def values_of_users() -> dict[str, Parser]:
    """Return the parsers of tables and options that users bring."""
    return {
        "published images": Parser(TABLE.encode(), lambda path: show_all(read_published(path))),
        "published bert": Parser(BERT_TABLE.encode(), lambda path: show_all(read_published(path))),
        "prices": Parser(PRICES.encode(), prices),
        "values": Parser(
            b'{"BATCH": [1, 2], "N": {"from": 1, "to": 8, "step": 1}}', lambda path: read_value_options("", path)
        ),
        "derive": Parser(b"y = x / cores - 2 * (3 - -x); z = 1.5", derived),
        "system description": Parser(b'{"system_name": "x", "host_processor_core_count": "4"}', read_overrides),
        "mapping": Parser(b"m:resnet,n:bert-99", text(lambda words: parse_mapping(words, load_round("v3.1")))),
    }


def datasets_and_models(folder: Path) -> dict[str, Parser]:
    """Return the parsers of datasets and models; `folder` gets the models."""
    images = Path(BUNDLED).parent
    return {
        "dataset": Parser(
            b'{"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "a b c", "qas": '
            b'[{"id": "1", "question": "q?", "answers": [{"text": "a", "answer_start": 0}]}]}]}]}',
            read_dataset,
        ),
        "vocabulary": Parser((Path(bert.__file__).parent / "vocab.txt").read_bytes()[:600], read_vocabulary),
        "labels": Parser(b"ILSVRC2012_val_00000001.JPEG 65\nILSVRC2012_val_00000002.JPEG 970\n", read_labels),
        "tar of images": Parser(tar(), find_images),
        "array": Parser(array(), lambda path: PROVENANCE.map_array(path).sum()),
        "image": Parser(photograph(), lambda path: pixels._decode(path.read_bytes(), path, upright=True)),
        "onnx": Parser(tiny_bert.write(folder / "bert.onnx").read_bytes(), bert_graph),
        "onnx classifier": Parser(
            tiny_onnx_classifier.write(folder / "m.onnx", SMALL).read_bytes(), read_onnx_classifier
        ),
        "tflite": Parser(tiny_classifier.write(folder / "c.tflite").read_bytes(), read_classifier_file),
        "tflite of ours": Parser((images / "mobilenet_0.25_64_int8.tflite").read_bytes(), read_classifier_file),
    }


def facts_of_machines(folder: Path) -> dict[str, Parser]:
    """Return the parsers of what the kernel and programs tell of a machine; `folder` is a machine without files."""
    machine = next(machine for machine in MACHINES.values() if machine.lscpu and "proc/cpuinfo" in machine.files)
    return {
        "lscpu": Parser(
            str(machine.lscpu).encode(),
            text(lambda words: [*(parse_lscpu(words).caches() if parse_lscpu(words) else ())]),
        ),
        "machine": Parser(
            machine.files["proc/cpuinfo"].encode(), in_folder("proc/cpuinfo", lambda root: read_machine(root).cpu.cores)
        ),
        "lscpu of a machine": Parser(
            str(machine.lscpu).encode(), text(lambda words: read_machine(folder, words, words, compiler=words))
        ),
        "dmidecode": Parser(DMIDECODE.encode(), text(parse_modules)),
        "kernel integer": Parser(b"123456", lambda path: (read_integer(path, signed=True), read_line(path))),
        "kernel list": Parser(b"0-3,8-11", text(count_listed)),
    }


def scripts_and_messages() -> dict[str, Parser]:
    """Return the parsers of repositories, of settings, and of the lines of other processes."""
    return {
        "repository": Parser(CMR.encode(), in_folder("cmr.yaml", repository_fields)),
        "manifest in YAML": Parser(SCRIPT.encode(), text(lambda words: parse_manifest(words, Path("_cm.yaml")))),
        "manifest": Parser((ROOT / "script" / "get-python3" / "_cm.json").read_bytes(), read_head),
        "index of scripts": Parser(
            b'{"folders": [["x", "00"]], "sizes": [1, 1], "crc": 0}\nab', lambda path: _decoded(path.read_bytes())
        ),
        "pip.conf": Parser(
            b"[global]\nindex-url = https://example.org\n",
            lambda path: _pip_settings({"PIP_CONFIG_FILE": str(path), "HOME": "/x"}, Path("/x")),
        ),
        "harness line": Parser(b'{"type": "opening", "model": "m"}', text(parse_event)),
        "study line": Parser(b'{"type": "standing", "front": 1}', text(read_study_event)),
    }


@pytest.fixture(scope="session")
def parsers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parser]:
    folder = tmp_path_factory.mktemp("real")
    return {
        **documents(),
        **logs_of_loadgen(folder / "logs"),
        **values_of_users(),
        **datasets_and_models(folder),
        **facts_of_machines(folder),
        **scripts_and_messages(),
    }


NAMES = (
    *("measurement", "store", "journal", "answer", "experiment", "record", "session", "job", "calibrations", "picture"),
    *("result", "detail log", "summary", "foreign logs", "accuracy log", "answers", "accuracy text", "user.conf"),
    *("published images", "published bert", "prices", "values", "derive", "dataset", "vocabulary", "labels"),
    *(
        "tar of images",
        "array",
        "image",
        "onnx",
        "onnx classifier",
        "tflite",
        "tflite of ours",
        "lscpu",
        "machine",
        "lscpu of a machine",
    ),
    *("dmidecode", "kernel integer", "kernel list", "repository", "manifest in YAML", "manifest", "index of scripts"),
    *("pip.conf", "system description", "mapping", "harness line", "study line", "estimate", "published results"),
    *("latencies", "latencies of a result"),
)


def test_the_names_are_those_of_the_parsers(parsers: dict[str, Parser]) -> None:
    assert set(NAMES) == set(parsers)


@pytest.mark.parametrize("name", NAMES)
def test_damage_ends_in_an_error_of_ours(
    name: str, parsers: dict[str, Parser], tmp_path_factory: pytest.TempPathFactory
) -> None:
    parser = parsers[name]
    folder = tmp_path_factory.mktemp("damaged")

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(damaged(parser.content))
    def hold(content: bytes) -> None:
        path = folder / "file"
        path.write_bytes(content)
        try:
            parser.read(path)
        except OURS as error:
            told = shortened(str(error))
            assert "\n" not in str(error), told  # noqa: PT017 - a file may also be read
            assert len(told) < 5000, told

    hold()


def test_a_fault_of_any_kind_gets_a_place() -> None:
    for fault in (
        RecursionError("x"),
        KeyError("k"),
        IndexError(),
        UnicodeError("a\nb"),
        MemoryError(),
        ValueError("x" * 999),
    ):
        with (
            pytest.raises(LocatedError, match=r"^file: .{3,240}; repeat$"),
            parsing(lambda why: LocatedError("file", why, "repeat")),
        ):
            raise fault


def test_errors_of_ours_keep_their_words() -> None:
    for own in (OSError(2, "absent"), ScriptGraphError("told"), LocatedError("a", "b", "c")):
        with pytest.raises(type(own)) as raised, parsing(ValueError, LocatedError):
            raise own
        assert raised.value is own
