"""Requests resolved with the real scripts: each option reaches its step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import request_of, step_of

from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import ScriptGraphError
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from scriptgraph.planning.plan import Plan

REGISTRY = load_registry([Path(__file__).parents[2]])
GUIDE = {
    "model": "bert-99", "implementation": "reference", "device": "cpu", "backend": "deepsparse", "category": "edge",
    "division": "open", "scenario": "Offline",
}  # fmt: skip


def plan(tags: str, **fields: Any) -> Plan:
    return resolve(request_of(tags, **fields), REGISTRY)


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": "run,mlperf,bert-99,deepsparse,_sample"},
        {"tags": "run,mlperf,bert-99,deepsparse"},
        {"tags": "generate-run-cmds,inference,_find-performance", "inputs": GUIDE},
        {
            "tags": "generate-run-cmds,inference,_submission",
            "inputs": {**GUIDE, "execution_mode": "valid", "results_dir": "/results"},
        },
        {"tags": "generate-run-cmds,inference,_populate-readme,_all-scenarios", "inputs": GUIDE},
        {"tags": "generate-run-cmds,inference,_accuracy-only,_full", "inputs": GUIDE},
        {"tags": "generate-run-cmds,inference", "env": {"CM_MLPERF_NEURALMAGIC_MODEL_ZOO_STUB": "zoo:nlp/x"}},
        {"tags": "generate-run-cmds,inference", "adr": {"python": {"name": "mlperf", "version_min": "3.8"}}},
        {
            "tags": "generate-run-cmds,inference",
            "adr": {"compiler": {"tags": "gcc"}, "mlperf-inference-implementation": {"max_batchsize": "384"}},
        },
        {"tags": "install,python-venv", "inputs": {"name": "mlperf", "version_min": "3.8"}},
        {"tags": "get,dataset,imagenet,preprocessed,_resolution.224,_full,_for.mobilenet"},
    ],
    ids=lambda fields: fields["tags"],
)
def test_the_guides_commands_have_a_plan(fields: dict[str, Any]) -> None:
    assert plan(**fields).root.needs()


@pytest.mark.parametrize(("option", "key"), [("version", "CM_VERSION"), ("version_min", "CM_VERSION_MIN")])
def test_an_environments_version_is_its_pythons(option: str, key: str) -> None:
    resolved = plan("install,python-venv", inputs={"name": "mlperf", option: "3.10"})

    assert step_of(resolved, "get-python3").env[key] == "3.10"
    assert key not in step_of(plan("install,python-venv"), "get-python3").env


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"division": "network"}, "--division=network: must be one of open, closed"),
        ({"device": "cuda"}, "--device=cuda: only CPUs are supported"),
        ({"senario": "Offline"}, "has no option --senario; did you mean --scenario?"),
        ({"scenario": "offline"}, "--scenario=offline: must be one of Offline, SingleStream, MultiStream, Server"),
    ],
)
def test_unsupported_values_are_named(inputs: dict[str, str], text: str) -> None:
    with pytest.raises(ScriptGraphError) as caught:
        plan("generate-run-cmds,inference", inputs=inputs)

    assert text in str(caught.value)


def test_imagenet_is_registered_by_the_guides_options() -> None:
    folder = plan("get,validation,dataset,imagenet,_2012,_full", inputs={"input": "/imagenet"})
    torrent = plan("get,validation,dataset,imagenet,_2012,_full", inputs={"torrent": "magnet:?xt=urn:btih:00"})

    assert folder.root.env["IMAGENET_PATH"] == "/imagenet"
    assert all(need.step is None for need in folder.root.needs())
    assert step_of(torrent, "download-torrent").env["CM_TORRENT"] == "magnet:?xt=urn:btih:00"


def test_a_size_and_a_set_reach_the_step_that_gets_imagenet() -> None:
    first = plan("get,dataset,imagenet,preprocessed,_500", inputs={"imagenet_path": "/imagenet"})
    full = plan("get,dataset,imagenet,preprocessed,_full", inputs={"imagenet_path": "/imagenet"})

    assert step_of(first, "get-dataset-imagenet-val").env["CM_DATASET_SIZE"] in {500, "500"}
    assert step_of(full, "get-dataset-imagenet-val").env["CM_DATASET_IMAGENET_FULL"] in {True, "yes"}


@pytest.mark.parametrize("tags", ["run,mlperf,mobilenet,tflite,_sample", "run,mobilenet-models,_sample"])
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("price_per_hour", "dear", "must be a number"),
        ("price_per_hour", "nan", "must be a number"),
        ("price_per_hour", "-1.5", "must be above 0"),
        ("repeat_noisy", "-1", "must be 0 or more"),
        ("rerun", "perhaps", "must be yes or no"),
    ],
)
def test_values_of_a_wrong_type_are_refused_before_planning(tags: str, option: str, value: str, message: str) -> None:
    with pytest.raises(ScriptGraphError) as caught:
        plan(tags, inputs={option: value})

    assert f"--{option}={value}: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("family", "variation", "script"),
    [
        ("efficientnet", "lite0,_int8", "get-ml-model-efficientnet-lite"),
        ("mobilenet", "v3,_small", "get-ml-model-mobilenet"),
    ],
)
def test_a_single_run_accepts_models_of_both_families(family: str, variation: str, script: str) -> None:
    resolved = plan(
        "app,mlperf,inference", inputs={"model": "resnet", "model_family": family, "model_variation": variation}
    )

    assert step_of(resolved, script).variations


@pytest.mark.parametrize(
    ("variations", "device"), [("_armnn,_neon", "neon"), ("_armnn,_opencl", "opencl"), ("_armnn", "neon")]
)
@pytest.mark.parametrize("tags", ["run,mlperf,mobilenet,tflite", "run,mobilenet-models,_tflite,_accuracy-only"])
def test_armnn_reaches_its_step_and_names_the_results(tags: str, variations: str, device: str) -> None:
    resolved = plan(f"{tags},{variations}", inputs={"armnn_path": "/opt/armnn"})

    step = step_of(resolved, "get-lib-armnn")
    assert [each.written for each in step.variations] == [device]
    assert step.env["CM_LIB_ARMNN_PATH"] == "/opt/armnn"
    assert resolved.root.env["CM_MLPERF_SUT_NAME_RUN_CONFIG_SUFFIX2"] == f"armnn_{device}"


@pytest.mark.parametrize(
    ("variations", "count"),
    [
        ("", 81),
        (",_all-models", 81),
        (",_mobilenet", 71),
        (",_efficientnet", 10),
        (",_only-fp32", 41),
        (",_only-int8", 40),
        (",_efficientnet,_only-int8", 5),
        (",_sample", 8),
        (",_sample,_only-int8", 4),
        (",_sample,_efficientnet", 0),
    ],
)
def test_the_sweep_has_the_selected_models(variations: str, count: int) -> None:
    resolved = plan(f"run,mobilenet-models,_tflite{variations}")

    runs = [need for need in resolved.root.needs() if need.step and "scenario" in need.step.manifest.alias]
    assert len(runs) == count


@pytest.mark.parametrize(
    ("variations", "first"),
    [
        ("", "v1,_multiplier-1.0,_resolution-224,_fp32"),
        (",_mobilenet", "v1,_multiplier-1.0,_resolution-224,_fp32"),
        (",_only-fp32", "v1,_multiplier-1.0,_resolution-224,_fp32"),
        (",_only-int8", "v1,_multiplier-1.0,_resolution-224,_uint8"),
        (",_mobilenet,_only-int8", "v1,_multiplier-1.0,_resolution-224,_uint8"),
        (",_efficientnet", "lite0,_fp32"),
        (",_efficientnet,_only-fp32", "lite0,_fp32"),
        (",_efficientnet,_only-int8", "lite0,_int8"),
        (",_sample", "sample.mobilenet_0.25_64_float"),
        (",_sample,_only-int8", "sample.mobilenet_0.25_64_int8"),
    ],
)
def test_a_trial_runs_the_first_selected_model(variations: str, first: str) -> None:
    resolved = plan(f"run,mobilenet-models,_tflite{variations}", env={"CM_TEST_ONE_RUN": "yes"})

    runs = [need.step for need in resolved.root.needs() if need.step and "scenario" in need.step.manifest.alias]
    assert [",_".join(step.env["CM_ML_MODEL_VARIATION"]) for step in runs] == [first]


@pytest.mark.parametrize(
    ("tags", "alias"),
    [
        ("run,mlperf,bert-99", "run-mlperf-bert-99"),
        ("run,mlperf,bert-99,_sample", "run-mlperf-bert-99"),
        ("run,mlperf,bert-99,deepsparse,_sample", "run-mlperf-bert-99-deepsparse"),
    ],
)
def test_only_a_named_engine_selects_its_command(tags: str, alias: str) -> None:
    assert plan(tags).root.manifest.alias == alias


def test_tags_that_fit_both_commands_are_refused() -> None:
    with pytest.raises(ScriptGraphError, match=r"run-mlperf-bert-99.*run-mlperf-bert-99-deepsparse"):
        plan("run,bert-99")
