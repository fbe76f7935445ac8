"""The rounds since v5.1: their data, the places in their trees, and what a run for them needs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlperf_home.contracts.runs.failures import HarnessError
from mlperf_home.contracts.runs.job import TESTS, audit_text, run_seeds
from mlperf_home.harness.loadgen import require_version
from mlperf_home.measurements.layout import result_folder, style_of
from mlperf_home.rules import LATEST, load_round, mlperf_conf, round_names
from mlperf_home.rules.layouts import LAYOUTS

NEWER = ("v5.1", "v6.0", "v6.1")
OPTIONS = Path(__file__).parents[4] / "script" / "options.json"


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("v5.1", (1780908523862526354, 14771362308971278857, 18209322760996052031)),
        ("v6.0", (2465351861681999779, 14276810075590677512, 3936089224930324775)),
        ("v6.1", (2085463073848966840, 2747215439041700203, 16159082839903944936)),
    ],
)
def test_a_newer_round_has_its_own_seeds(name: str, seeds: tuple[int, int, int]) -> None:
    assert tuple(vars(load_round(name).seeds).values()) == seeds


def test_latest_is_the_newest_round() -> None:
    assert load_round(LATEST).name == round_names()[-1] == "v6.1"


def test_a_closed_round_is_a_rehearsal() -> None:
    assert load_round("v6.1").rehearsal == "v6.1 closed on 2026-07-31: a result for it is a rehearsal"


@pytest.mark.parametrize("group", ["every-run", "explorations", "checks"])
def test_every_round_can_be_asked_for(group: str) -> None:
    choices = json.loads(OPTIONS.read_text())[group]["round"]["choices"]
    assert choices == [*round_names(), LATEST]


@pytest.mark.parametrize("name", NEWER)
def test_newer_rounds_have_no_test05(name: str) -> None:
    rules = load_round(name)
    assert rules.test05_seeds is None
    assert "test05" not in mlperf_conf(rules)
    assert all("TEST05" not in each.compliance_tests for each in rules.submitted_benchmarks.values())


@pytest.mark.parametrize("name", NEWER)
def test_newer_rounds_have_berts_and_resnet_at_the_edge(name: str) -> None:
    rules = load_round(name)
    assert rules.required_scenarios("bert-99", "edge") == ("SingleStream", "Offline")
    assert rules.required_scenarios("bert-99.9", "edge") == ("SingleStream", "Offline")
    assert rules.required_scenarios("resnet", "edge") == ("SingleStream", "MultiStream", "Offline")
    assert rules.required_scenarios("resnet", "datacenter") == ()
    assert rules.min_query_count("Offline", "bert-99") == 10833
    assert rules.min_query_count("Offline", "resnet") == 24576


@pytest.mark.parametrize("name", round_names())
def test_test04_repeats_one_sample_in_every_round(name: str) -> None:
    lines = audit_text(load_round(name), "TEST04").splitlines()
    assert lines == [
        "*.*.mode = 2",
        "*.*.performance_issue_unique = 0",
        "*.*.performance_issue_same = 1",
        "*.*.performance_issue_same_index = 3",
    ]


def test_test05_of_a_round_without_it_has_the_rounds_seeds() -> None:
    assert run_seeds(load_round("v6.1"), "TEST05") == load_round("v6.1").seeds
    assert TESTS == ("TEST01", "TEST04", "TEST05")


@pytest.mark.parametrize(
    ("name", "measurements", "file", "sources", "scenario"),
    [
        ("v3.1", "measurements", "box.json", "code", "singlestream"),
        ("v5.1", "measurements", "box.json", "code", "singlestream"),
        ("v6.0", "results", "measurements.json", "src", "SingleStream"),
        ("v6.1", "results", "measurements.json", "src", "SingleStream"),
    ],
)
def test_a_rounds_layout_names_its_places(name: str, measurements: str, file: str, sources: str, scenario: str) -> None:
    layout = load_round(name).submission.layout
    assert layout in LAYOUTS
    assert layout.merged == (measurements == "results")
    assert (layout.measurements, layout.json_name("box"), layout.sources) == (measurements, file, sources)
    assert layout.scenario("SingleStream") == scenario


def test_a_result_of_another_round_has_its_own_folder(tmp_path: Path) -> None:
    place = ("box", "model", "Offline")
    old, new = (result_folder(tmp_path, "valid", name, place).root for name in ("v3.1", "v6.1"))
    assert old == tmp_path / "valid_results" / "box" / "model" / "offline"
    assert new == tmp_path / "valid-v6.1_results" / "box" / "model" / "offline"
    assert {style_of(path.parents[2].name) for path in (old, new)} == {"valid"}


@pytest.mark.parametrize(
    ("installed", "fits"), [("6.0.17", True), ("6.0.16", True), ("6.0.5", False), ("4.1.0", False)]
)
def test_an_older_loadgen_is_refused(installed: str, fits: bool) -> None:
    rules = load_round("v6.1")
    if fits:
        require_version(rules, installed)
        return
    with pytest.raises(HarnessError, match=r"older than the seeds of v6\.1; install .*6\.0\.16"):
        require_version(rules, installed)


def test_rounds_without_a_known_version_take_every_loadgen() -> None:
    require_version(SimpleNamespace(embedded_in=("", ""), name="v3.1"), "1.0")
