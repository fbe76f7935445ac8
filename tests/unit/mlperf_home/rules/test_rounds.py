"""The data file of v3.1 agrees with the round's checker and mlperf.conf."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mlperf_home
from mlperf_home.rules import UnknownRoundError, load_round, mlperf_conf, round_names, round_of_seed


def test_seeds_of_the_round() -> None:
    rules = load_round("v3.1")
    assert (rules.seeds.qsl_rng_seed, rules.seeds.sample_index_rng_seed, rules.seeds.schedule_rng_seed) == (
        148687905518835231,
        520418551913322573,
        811580660758947900,
    )
    assert rules.test05_seeds.qsl_rng_seed == 793197339507417767


def test_bert_99_requires_its_accuracy_and_scenarios() -> None:
    rules = load_round("v3.1")
    assert rules.benchmarks["bert-99"].accuracy_threshold == pytest.approx(89.96526)
    assert rules.benchmarks["resnet"].accuracy_threshold == pytest.approx(75.6954)
    assert rules.required_scenarios("bert-99", "edge") == ("SingleStream", "Offline")
    assert rules.required_scenarios("bert-99", "datacenter,edge") == ("SingleStream", "Server", "Offline")


def test_unknown_round_lists_the_known_ones() -> None:
    with pytest.raises(UnknownRoundError, match=re.escape("v3.1")):
        load_round("v9.9")
    assert "v3.1" in round_names()


@pytest.mark.parametrize(
    "line",
    [
        "*.*.qsl_rng_seed = 148687905518835231",
        "bert.*.performance_sample_count_override = 10833",
        "bert.Server.target_latency = 130",
        "*.SingleStream.min_duration = 600000",
        "*.MultiStream.min_query_count = 662",
        "*.MultiStream.samples_per_query = 8",
        "*.Offline.min_query_count = 24576",
        "*.Server.target_latency_percentile = 99",
        "3d-unet.*.sample_concatenate_permutation = 1",
    ],
)
def test_mlperf_conf_contains_the_line(line: str) -> None:
    assert line in mlperf_conf(load_round("v3.1")).splitlines()


def test_every_line_of_mlperf_conf_parses_in_loadgen() -> None:
    for line in mlperf_conf(load_round("v3.1")).splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[\w*-]+\.[\w*]+\.\w+ = [\d.]+", line), line


def test_seeds_are_only_in_the_data_file() -> None:
    package = Path(mlperf_home.__file__).parent
    modules = [path.name for path in package.rglob("*.py") if "148687905518835231" in path.read_text("utf-8")]
    assert modules == []


@pytest.mark.parametrize(
    ("name", "seed", "test05_seed", "network_cards"),
    [
        ("v3.0", 10003631887983097364, 14646058500348515648, False),
        ("v3.1", 148687905518835231, 793197339507417767, True),
        ("v4.0", 13281865557512327830, 2376919268182438552, True),
    ],
)
def test_each_round_is_one_file(name: str, seed: int, test05_seed: int, *, network_cards: bool) -> None:
    rules = load_round(name)

    assert (rules.name, rules.seeds.qsl_rng_seed, rules.test05_seeds.qsl_rng_seed) == (name, seed, test05_seed)
    assert ("host_network_card_count" in rules.submission.system.meaningful) is network_cards


# The lines of mlperf.conf at the tags of mlcommons/inference in which the rounds differ.
_OFFICIAL = {
    "v3.0": ("*.SingleStream.min_query_count = 1024", "*.MultiStream.min_query_count = 270336",
             "*.Server.min_query_count = 270336", "dlrm.Server.target_latency = 30"),
    "v3.1": ("*.MultiStream.min_query_count = 662", "dlrm-v2.Server.target_latency = 60",
             "gptj.SingleStream.sample_concatenate_permutation = 1", "*.Offline.min_query_count = 24576"),
    "v4.0": ("bert.Offline.min_query_count = 10833", "resnet50.Offline.min_query_count = 24576",
             "rnnt.Offline.min_query_count = 2513", "3d-unet.Offline.min_query_count = 43",
             "gptj.*.performance_sample_count_override = 13368", "gptj.Server.sample_concatenate_permutation = 1",
             "llama2-70b.*.use_token_latencies = 1", "llama2-70b.Server.ttft_latency = 2000",
             "stable-diffusion-xl.Server.target_latency = 20000"),
    "v5.1": ("*.*.qsl_rng_seed = 1780908523862526354", "bert.Offline.min_query_count = 10833"),
    "v6.0": ("*.*.sample_index_rng_seed = 14276810075590677512", "resnet50.Offline.min_query_count = 24576"),
    "v6.1": ("*.*.schedule_rng_seed = 16159082839903944936", "*.MultiStream.min_query_count = 662",
             "bert.*.performance_sample_count_override = 10833", "resnet50.Server.target_latency = 15"),
}  # fmt: skip


@pytest.mark.parametrize("name", _OFFICIAL)
def test_mlperf_conf_is_that_of_the_tag(name: str) -> None:
    lines = mlperf_conf(load_round(name)).splitlines()

    assert set(_OFFICIAL[name]) <= set(lines)
    assert ("*.Offline.min_query_count = 24576" in lines) is (name in {"v3.0", "v3.1"})


@pytest.mark.parametrize(
    ("name", "bert", "resnet"), [("v3.1", 24576, 24576), ("v4.0", 10833, 24576), ("v6.1", 10833, 24576)]
)
def test_the_samples_of_offline_are_the_rounds(name: str, bert: int, resnet: int) -> None:
    rules = load_round(name)

    assert [rules.min_query_count("Offline", each) for each in ("bert-99", "resnet")] == [bert, resnet]


@pytest.mark.parametrize("name", round_names())
def test_test01_samples_4096_outputs_in_every_round(name: str) -> None:
    audit = load_round(name).submission.compliance["TEST01"].audit

    assert audit["accuracy_log_sampling_target"] == 4096


@pytest.mark.parametrize("name", round_names())
def test_each_benchmark_has_an_accuracy_form(name: str) -> None:
    rules = load_round(name)

    for benchmark in rules.submitted_benchmarks.values():
        assert benchmark.accuracy_metric in rules.submission.accuracy_forms
        assert benchmark.loadgen_model in rules.loadgen_models


@pytest.mark.parametrize(
    ("name", "benchmark", "threshold"),
    [("v3.0", "dlrm-99", 79.4475), ("v3.1", "dlrm-v2-99.9", 80.22969), ("v4.0", "3d-unet-99", 85.3083),
     ("v3.1", "retinanet", 37.1745), ("v3.1", "rnnt", 91.62252)],
)  # fmt: skip
def test_thresholds_of_other_benchmarks(name: str, benchmark: str, threshold: float) -> None:
    assert load_round(name).submitted_benchmarks[benchmark].accuracy_threshold == pytest.approx(threshold)


def test_a_model_of_no_benchmark_has_none() -> None:
    rules = load_round("v3.0")

    assert rules.benchmark_of("yolo-v5", {}) not in rules.submitted_benchmarks
    assert rules.benchmark_of("ssd-resnet34", {}) == "retinanet"


def test_latest_is_the_newest_round_and_a_rehearsal() -> None:
    latest = load_round("latest")

    assert latest.name == round_names()[-1] == "v6.1"
    assert latest.rehearsal == "v6.1 closed on 2026-07-31: a result for it is a rehearsal"


@pytest.mark.parametrize("name", ["v5.1", "v6.0", "v6.1"])
def test_rounds_since_v5_1_have_no_test05_and_bert_on_edge(name: str) -> None:
    rules = load_round(name)

    assert rules.test05_seeds is None
    assert "test05" not in mlperf_conf(rules)
    assert list(rules.submission.compliance) == ["TEST01", "TEST04"]
    assert rules.required_scenarios("bert-99.9", "edge") == ("SingleStream", "Offline")
    assert rules.required_scenarios("resnet", "datacenter") == ()
    assert rules.metrics["Server"].key == "result_completed_samples_per_sec"


def test_a_seed_tells_its_round() -> None:
    assert [round_of_seed(seed) for seed in (2085463073848966840, 148687905518835231, 7)] == ["v6.1", "v3.1", None]


@pytest.mark.parametrize(
    ("name", "own", "tests", "offline"),
    [
        ("v3.1", "measurements/box/m/offline/box.json", "compliance", "offline"),
        ("v5.1", "measurements/box/m/offline/box.json", "compliance", "offline"),
        ("v6.1", "results/box/m/Offline/measurements.json", "results", "Offline"),
    ],
)
def test_the_layout_says_where_files_stand(tmp_path: Path, name: str, own: str, tests: str, offline: str) -> None:
    layout = load_round(name).submission.layout
    path = tmp_path / own
    path.parent.mkdir(parents=True)
    path.touch()

    assert layout.result_jsons(tmp_path) == [path]
    assert (layout.compliance, layout.scenario("Offline"), layout.json_name("box")) == (tests, offline, path.name)
