"""A new round is a data file; this names every manifest that has to know the round's name too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlperf_home.rules import LATEST, round_names
from scriptgraph.catalog.registry import load_registry

if TYPE_CHECKING:
    from scriptgraph.manifest.types import Manifest

ROUND = "CM_MLPERF_ROUND"
SCRIPTS = list(load_registry([Path(__file__).parents[2]]))
# It reads results of rounds whose rules this project does not have.
READS_ANY_ROUND = {"import-mlperf-results"}
TAKE_A_ROUND = [
    each
    for each in SCRIPTS
    if each.alias not in READS_ANY_ROUND and any(option.env_key == ROUND for option in each.inputs.values())
]
HAVE_VARIATIONS = [
    each for each in SCRIPTS if any(variation.group == "round" for variation in each.variations.values())
]


def named(manifest: Manifest) -> str:
    return manifest.alias


@pytest.mark.parametrize("manifest", TAKE_A_ROUND, ids=named)
def test_its_option_takes_every_round(manifest: Manifest) -> None:
    option = next(each for each in manifest.inputs.values() if each.env_key == ROUND)

    assert option.choices == (*round_names(), LATEST)


@pytest.mark.parametrize("manifest", HAVE_VARIATIONS, ids=named)
def test_it_has_a_variation_for_every_round(manifest: Manifest) -> None:
    rounds = {each.name: each for each in manifest.variations.values() if each.group == "round"}

    assert list(rounds) == [name.replace("v", "r") for name in round_names()]
    for name, variation in rounds.items():
        assert {**variation.env, **variation.default_env} == {ROUND: name.replace("r", "v")}


def test_runs_submissions_and_checks_take_a_round() -> None:
    assert {each.alias for each in TAKE_A_ROUND} >= {
        "app-mlperf-inference", "run-mlperf-inference-app", "run-mlperf-inference-mobilenet-models",
        "generate-mlperf-inference-submission", "preprocess-mlperf-inference-submission",
        "run-mlperf-inference-submission-checker", "explore-mlperf-bert", "explore-mlperf-models",
    }  # fmt: skip
