"""Changes of a good v6.1 tree, as data: each is wrong, and our check names it by its rule."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from round_trees import MOBILENET, SPARSE_BERT, SUT, mllog
from tree_changes import Change, append, big, field, folder_at, link, log, move, remove, replace, write

if TYPE_CHECKING:
    from pathlib import Path

_SYSTEM = f"systems/{SUT}.json"
_MODEL = f"results/{SUT}/{SPARSE_BERT}"
_OFFLINE, _STREAM = f"{_MODEL}/Offline", f"{_MODEL}/SingleStream"
_RUN, _STREAM_RUN, _ACCURACY = f"{_OFFLINE}/performance/run_1", f"{_STREAM}/performance/run_1", f"{_OFFLINE}/accuracy"
_COPY = f"results/{SUT}/{MOBILENET}/MultiStream/performance/run_1"
_JSON = f"{_OFFLINE}/measurements.json"
_DETAIL, _SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
_BERT, _RESNET = f"results/{SUT}/bert-99/Offline", f"results/{SUT}/resnet50/Offline"
_TEST01, _TEST04 = f"{_BERT}/TEST01", f"{_RESNET}/TEST04"
_SCORES = '{"exact_match": 83.58, "f1": 90.18}'
_ERROR = mllog("error", "bad", is_error=True)


class Mutation(NamedTuple):
    """A change of a good tree: its name, the rule of our finding, the change, and the division of the tree."""

    name: str
    rule: str
    change: Change
    division: str = "open"


def both(*changes: Change) -> Change:
    """Return a change that makes all of several."""

    def change(folder: Path) -> None:
        for each in changes:
            each(folder)

    return change


def copy(source: str, target: str) -> Change:
    """Copy a folder."""
    return lambda folder: shutil.copytree(folder / source, folder / target)


def model(name: str) -> Change:
    """Rename a model."""
    return move(f"results/{SUT}/resnet50", f"results/{SUT}/{name}")


def logs(key: str, value: Any) -> Change:
    """Change a value in all detail logs of the Offline result."""
    return both(log(key, value, _RUN), log(key, value, _ACCURACY))


_OPEN = (
    ("no JSON", "result-json", remove(_JSON)),
    ("the JSON under its old name", "result-json", move(_JSON, f"{_OFFLINE}/{SUT}.json")),
    ("a JSON that is cut", "result-json-unreadable", write(_JSON, "{")),
    ("a JSON that is a list", "result-json-unreadable", write(_JSON, "[]")),
    ("no weight types", "result-field", field(_JSON, "weight_data_types")),
    ("empty transformations", "result-field-empty", field(_JSON, "weight_transformations", "")),
    ("no sources", "code-missing", remove("src")),
    ("no user.conf", "measurement-file", remove(f"{_OFFLINE}/user.conf")),
    ("an empty user.conf", "measurement-file-empty", write(f"{_OFFLINE}/user.conf", "")),
    ("no README", "measurement-file", remove(f"{_OFFLINE}/README.md")),
    ("an empty README", "measurement-file-empty", write(f"{_OFFLINE}/README.md", "")),
    ("measurement files in the old folder", "old-folder", write(f"measurements/{SUT}/x/Offline/{SUT}.json")),
    ("tests in the old folder", "old-folder", write(f"compliance/{SUT}/x/Offline/TEST01/verify_performance.txt")),
    ("sources in the old folder", "old-folder", write("code/x/README.md")),
    ("a scenario in lower case", "scenario-case", move(_OFFLINE, f"{_MODEL}/offline")),
    ("a folder below a model", "scenario-name", write(f"{_MODEL}/notes/a.md")),
    ("no description", "system-missing", remove(_SYSTEM)),
    ("a description that is cut", "system-unreadable", write(_SYSTEM, "{")),
    ("a field that is missing", "system-field", field(_SYSTEM, "host_memory_capacity")),
    ("an empty field", "system-field-empty", field(_SYSTEM, "cooling", "")),
    ("a count in words", "system-field-number", field(_SYSTEM, "number_of_nodes", "one")),
    ("no count of accelerators", "system-field-number", field(_SYSTEM, "accelerators_per_node", "N/A")),
    ("a status that is none", "system-status", field(_SYSTEM, "status", "released")),
    ("a type that is none", "system-type", field(_SYSTEM, "system_type", "laptop")),
    ("another submitter", "system-submitter", field(_SYSTEM, "submitter", "Somebody")),
    ("another division", "system-division", field(_SYSTEM, "division", "closed")),
    ("is_network as a number", "system-field-type", field(_SYSTEM, "is_network", 1)),
    ("no network, but not all its fields", "system-field", field(_SYSTEM, "is_network", "false")),
    ("another QSL seed", "seed", log("effective_qsl_rng_seed", 1, _RUN)),
    ("another index seed", "seed", log("effective_sample_index_rng_seed", 1, _RUN)),
    ("another schedule seed", "seed", log("effective_schedule_rng_seed", 1, _RUN)),
    ("the seeds of v3.1", "seed", log("effective_qsl_rng_seed", 148687905518835231, _RUN)),
    ("too few samples loaded", "performance-samples", log("effective_performance_sample_count", 1024, _RUN)),
    ("no query", "min-query-count", log("effective_min_query_count", 0, _RUN)),
    ("a short run", "min-duration", log("effective_min_duration_ms", 10000, _RUN)),
    ("early stopping not met", "early-stopping", log("early_stopping_met", False, _STREAM_RUN)),
    ("too few queries", "query-count", log("result_query_count", 10, _STREAM_RUN)),
    ("an INVALID run", "invalid-run", log("result_validity", "INVALID", _RUN)),
    ("no verdict", "run-interrupted", log("result_validity", None, _RUN)),
    ("an error in the performance run", "log-errors", append(f"{_RUN}/{_DETAIL}", _ERROR)),
    ("an error in the accuracy run", "log-errors", append(f"{_ACCURACY}/{_DETAIL}", _ERROR)),
    ("no hash", "accuracy-hash", replace(f"{_ACCURACY}/accuracy.txt", "hash=", "#")),
    ("a log that is not truncated", "log-not-truncated", append(f"{_ACCURACY}/mlperf_log_accuracy.json", " " * 10240)),
    ("accuracy of padded features", "accuracy-samples", logs("effective_accuracy_sample_count", 11072)),
    ("accuracy of a part", "accuracy-samples", log("effective_accuracy_sample_count", 1200, _ACCURACY)),
    ("no accuracy.txt", "log-missing", remove(f"{_ACCURACY}/accuracy.txt")),
    ("no accuracy log", "log-missing", remove(f"{_ACCURACY}/mlperf_log_accuracy.json")),
    ("no accuracy run", "accuracy-missing", remove(_ACCURACY)),
    ("no performance run", "performance-missing", remove(f"{_OFFLINE}/performance")),
    ("no detail log of the accuracy run", "log-missing", remove(f"{_ACCURACY}/{_DETAIL}")),
    ("no detail log of the performance run", "log-missing", remove(f"{_RUN}/{_DETAIL}")),
    ("no detail logs", "log-missing", both(remove(f"{_RUN}/{_DETAIL}"), remove(f"{_ACCURACY}/{_DETAIL}"))),
    ("an empty detail log", "run-interrupted", write(f"{_RUN}/{_DETAIL}", "")),
    ("a corrupt line", "log-corrupt", append(f"{_RUN}/{_DETAIL}", ':::MLLOG {"key": \n')),
    ("a count that is a text", "log-value", log("effective_samples_per_query", "N/A", _RUN)),
    ("no metric", "no-metric", log("result_samples_per_second", None, _RUN)),
    ("no estimate to infer from", "no-metric", log("early_stopping_latency_ms", 0, _COPY)),
    ("an accuracy that cannot be read", "accuracy-unreadable", replace(f"{_ACCURACY}/accuracy.txt", "{", "scores: {")),
    ("two accuracies", "accuracy-twice", append(f"{_ACCURACY}/accuracy.txt", f"{_SCORES}\n")),
    ("no summary", "log-missing", remove(f"{_RUN}/{_SUMMARY}")),
    ("a session beside the logs", "file-list", write(f"{_RUN}/session.json")),
    ("a file above 50 MB", "file-size", big("documentation/big.md")),
    ("a link", "broken-link", link("documentation/link.md")),
    ("an empty folder", "empty-folder", folder_at("documentation/empty")),
    ("a hidden file", "unfriendly-name", write("documentation/.notes.swp")),
    ("a file in the root", "root-file", write("../../summary.csv")),
    ("a folder in the root", "root-folder", write("../../originals/x.txt")),
    ("a file beside the submitters", "division-file", write("../notes.md")),
    ("a system without results", "system-without-results", write("systems/other.json", "{}")),
    ("accuracy with another seed", "seed", log("effective_qsl_rng_seed", 1, _ACCURACY)),
    ("accuracy of another scenario", "runs-differ", log("effective_scenario", "SingleStream", _ACCURACY)),
    ("no results", "no-results", remove("results")),
    ("an empty mapping", "mapping-unreadable", write("model_mapping.json", "")),
    ("a mapping to an alias", "mapping-benchmark", write("model_mapping.json", '{"resnet50x": "resnet50"}')),
    ("a mapping of a MobileNet to BERT", "accuracy-form", write("model_mapping.json", f'{{"{MOBILENET}": "bert-99"}}')),
    ("an unknown model", "model", model("ssd-large")),
    ("a model of old rounds", "model", model("retinanet")),
    ("an inference that is not allowed", "log-scenario", log("effective_scenario", "Offline", _STREAM_RUN)),
    ("an inferred result of a data center", "inferred-category", field(_SYSTEM, "system_type", "datacenter")),
    ("a second run", "run-folder", copy(_RUN, f"{_OFFLINE}/performance/run_2")),
    ("a user.conf of another rate", "conf-of-another-run", replace(f"{_OFFLINE}/user.conf", "= 41.6", "= 50")),
    ("a run of another model", "run-of-another", both(
        remove(f"results/{SUT}/resnet50/Offline/performance"),
        copy(f"results/{SUT}/{MOBILENET}/Offline/performance", f"results/{SUT}/resnet50/Offline/performance"),
    )),
)  # fmt: skip
_CLOSED = (
    ("an accuracy below the target", "accuracy-threshold", replace(f"{_BERT}/accuracy/accuracy.txt", "90.18", "89.9")),
    ("no hash in closed", "accuracy-hash", replace(f"{_BERT}/accuracy/accuracy.txt", "hash=", "#")),
    ("too few samples in Offline", "offline-samples", log(
        "effective_samples_per_query", 10832, f"{_BERT}/performance/run_1"
    )),
    ("too few images in Offline", "offline-samples", log(
        "effective_samples_per_query", 24575, f"{_RESNET}/performance/run_1"
    )),
    ("a scenario that is missing", "scenario-missing", remove(f"results/{SUT}/resnet50/MultiStream")),
    ("a scenario of the data center", "scenario-category", move(_BERT, f"results/{SUT}/bert-99/Server")),
    ("no TEST01", "compliance-missing", remove(_TEST01)),
    ("no TEST04", "compliance-missing", remove(_TEST04)),
    ("no verdict on outputs", "compliance-file", remove(f"{_TEST01}/verify_accuracy.txt")),
    ("no verdict on performance", "compliance-file", remove(f"{_TEST04}/verify_performance.txt")),
    ("a test that failed", "compliance-failed", write(f"{_TEST04}/verify_performance.txt", "TEST FAIL\n")),
    ("a verdict inside of a line", "compliance-file", both(
        write(f"{_TEST01}/verify_accuracy.txt", "verdict: TEST PASS\n"), remove(f"{_TEST01}/accuracy")
    )),
    ("outputs that differ", "compliance-accuracy", both(
        write(f"{_TEST01}/verify_accuracy.txt", "TEST FAIL\n"),
        write(f"{_TEST01}/accuracy/baseline_accuracy.txt", f"{_SCORES}\n"),
        write(f"{_TEST01}/accuracy/compliance_accuracy.txt", '{"exact_match": 80.1, "f1": 80.2}\n'),
    )),
    ("no run of a test", "log-missing", remove(f"{_TEST04}/performance")),
    ("no log of a test", "log-missing", remove(f"{_TEST01}/performance/run_1/{_DETAIL}")),
    ("a test that was short", "min-duration", log("effective_min_duration_ms", 10000, f"{_TEST01}/performance/run_1")),
    ("a test with other seeds", "seed", log("effective_schedule_rng_seed", 1, f"{_TEST04}/performance/run_1")),
    ("an extra file in a test's run", "file-list", write(f"{_TEST04}/performance/run_1/notes.txt")),
    ("a mapping in closed", "mapping-division", write("model_mapping.json", '{"x": "resnet"}')),
    ("a test's log that is not truncated", "log-not-truncated", append(
        f"{_TEST01}/accuracy/mlperf_log_accuracy.json", " " * 10240
    )),
    ("an unknown model in closed", "model", model("my-net")),
    ("a model that is not the reference's", "closed-model", model("efficientnet")),
    ("the data center alone", "scenario-category", field(_SYSTEM, "system_type", "datacenter")),
    ("a network system in closed", "system-network", field(_SYSTEM, "is_network", "true")),
)  # fmt: skip
_NETWORK = (
    ("a network division without network", "system-network", field(_SYSTEM, "is_network", "false")),
    ("an incomplete network system", "system-field", field(_SYSTEM, "network_topology")),
    ("a SUT without network", "network-sut", log("sut_name", "PyFastSUT", f"{_BERT}/performance/run_1")),
    ("a network accuracy below the target", "accuracy-threshold", replace(
        f"{_RESNET}/accuracy/accuracy.txt", "accuracy=76.456%, good=38228", "accuracy=75.000%, good=37500"
    )),
    ("no TEST01 in the network division", "compliance-missing", remove(_TEST01)),
)  # fmt: skip

MUTATIONS = (
    *(Mutation(*row) for row in _OPEN),
    *(Mutation(*row, "closed") for row in _CLOSED),
    *(Mutation(*row, "network") for row in _NETWORK),
)
