"""The role of a value comes from marks, and without any from the words of its name."""

from __future__ import annotations

import pytest
from tiny_scripts import manifest

from scriptgraph.manifest.roles import role_of_key, role_of_variation, suggested_role


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("CM_RUN_PREFIX", "program"),
        ("LD_PRELOAD", "program"),
        ("PYTHONPATH", "program"),
        ("CM_PYTHON_BIN_WITH_PATH", "program"),
        ("CM_MLPERF_LOADGEN_PYTHON", "program"),
        ("CM_TAR_OUTFILE", "output"),
        ("CM_OUTPUT_DIR", "output"),
        ("CM_RESULTS_GIT_URL", "repository"),
        ("CM_DOWNLOAD_URL", "address"),
        ("CM_MLPERF_POWER_SERVER", "address"),
        ("CM_MODEL_FILE", "input"),
        ("PATH", "input"),
        ("CM_MLPERF_SERVER_TARGET_QPS", None),
        ("CM_MLPERF_NUM_THREADS", None),
    ],
)
def test_words_of_a_name_suggest_a_role(key: str, role: str | None) -> None:
    assert suggested_role(key) == role


def test_marks_go_before_suggestions_and_the_stronger_wins() -> None:
    reads = manifest("reads", inputs={"in": {"env": "CM_OUT", "type": "path", "role": "input"}})
    writes = manifest("writes", env_keys=["CM_OUT"], roles={"CM_OUT": "output"})
    plain = manifest("plain", inputs={"url": {"env": "CM_URL", "role": "value"}})

    assert role_of_key("CM_OUT", [reads]) == "input"
    assert role_of_key("CM_OUT", [reads, writes]) == "output"
    assert role_of_key("CM_URL", [plain]) == "value"
    assert role_of_key("CM_URL", []) == "address"


def test_a_path_without_a_mark_counts_as_an_output() -> None:
    unmarked = manifest("unmarked", inputs={"model": {"env": "CM_MODEL", "type": "path"}})

    assert role_of_key("CM_MODEL", [unmarked]) == "output"


def test_numbers_and_closed_choices_name_nothing() -> None:
    inputs = {"host": {"env": "CM_HOST", "choices": ["a", "b"]}, "server": {"env": "CM_SERVER", "type": "number"}}

    assert {role_of_key(key, [manifest("x", inputs=inputs)]) for key in ("CM_HOST", "CM_SERVER")} == {"value"}


def test_the_value_of_a_variation_has_the_role_of_its_key() -> None:
    script = manifest(
        "x", inputs={"from": {"env": "CM_FROM", "role": "repository"}}, variations={"repo.#": {"env": {"CM_FROM": "#"}}}
    )

    assert role_of_variation(script, "repo.https://host/x", [script]) == "repository"
    assert role_of_variation(script, "other.1", [script]) is None
