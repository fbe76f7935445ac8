"""The command line of `cm run script`: spellings, errors and outputs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cm_command import Cm


@pytest.mark.parametrize(
    "words",
    [
        ("run", "script", "--tags=detect,os"),
        ("run", "script", "detect os"),
        ("run", "script", "--tags", "detect,os"),
        ("run", "script", "--tags=detect,os", "--quiet"),
    ],
)
def test_every_spelling_of_the_tags_runs_the_script(cm: Cm, words: tuple[str, ...]) -> None:
    ended = cm(*words)

    assert ended.code == 0, ended.output


def test_json_output_is_json_alone(cm: Cm) -> None:
    ended = cm.script("detect,os", "--out=json")

    document = json.loads(ended.out)
    assert document["return"] == 0
    assert document["new_env"]["CM_HOST_OS_TYPE"] == "linux"
    assert json.loads(Path(document["record"]).read_text())["status"] == "done"


def test_cmr_is_short_for_cm_run_script(cm: Cm) -> None:
    cm.program = cm.program.with_name("cmr")

    assert cm("detect os").code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--tags=detect,oss",), "no script has the tag 'oss'. Did you mean os?"),
        (("--tags=run,mlperf,bert-99,deepsparse,_smaple",), "has no variation _smaple. Did you mean _sample?"),
        (("--tags=generate-run-cmds,_submission,_accuracy-only",), "exclude each other"),
        (("--tags=run,mlperf,bert-99,deepsparse", "--scenaro=Offline"), "did you mean --scenario?"),
        (("--tags=run,mlperf,bert-99,deepsparse", "--scenario=Offlin"), "must be one of Offline"),
        (
            ("--tags=run,mlperf,bert-99,deepsparse,_sample", "--division=closed"),
            "closed requires the reference model's",
        ),
        (
            ("--tags=run,mlperf,bert-99,deepsparse,_sample", "--submission_dir=S", "--submitter=Me"),
            "samples are not MLPerf",
        ),
        (("--tags=run,mlperf,bert-99,deepsparse,_sample", "--power=yes"), "power runs are not supported"),
        (("--tags=detect,", "os"), "stray word"),
        (("--tags=detect,os", "--adr.pyton.version=3"), "no dependency has this name"),
        (("--tags=run,mlperf,bert-99,deepsparse,_sample", "--tar"), "--tar: has no effect without --submission_dir"),
        (("--tags=run,mobilenet-models,_sample", "--push_to_github=yes"), "no effect without --submission_dir"),
        ((), "which script?"),
    ],
)
def test_a_mistake_is_named_without_a_traceback(cm: Cm, words: tuple[str, ...], expected: str) -> None:
    ended = cm("run", "script", *words)

    assert ended.code != 0
    assert expected in ended.output
    assert "Traceback" not in ended.output


def test_a_mistake_writes_nothing(cm: Cm) -> None:
    cm.script("run,mlperf,bert-99,deepsparse", "--scenario=Offlin")

    assert not (cm.home / "mlperf-home").exists()


def test_a_name_retired_since_2023_is_explained(cm: Cm) -> None:
    ended = cm.script(
        "generate-run-cmds,inference,_find-performance",
        "--adr.compiler.tags=gcc",
        f"--model_path={cm.home}/absent.onnx",
    )

    assert "nothing is compiled" in ended.output


def test_adding_a_checkout_twice_does_no_harm(cm: Cm) -> None:
    checkout = Path(__file__).parents[2]
    cm("add", "repo", f"--path={checkout}")

    again = cm("add", "repo", f"--path={checkout}")

    assert "already registered" in again.output
    assert cm.script("detect,os").code == 0


def test_a_python_above_the_maximum_is_refused(cm: Cm) -> None:
    major, minor = sys.version_info[:2]
    ours = f"--path={sys.executable}"

    refused = cm.script("get,python3", ours, f"--version_max={major}.{minor - 1}")

    assert refused.code != 0
    assert f"below {major}.{minor}" in refused.output
    assert cm.script("get,python3", ours, f"--version_max={major}.{minor}").code == 0


def test_a_key_that_nothing_reads_is_refused(cm: Cm) -> None:
    ended = cm.script("run,mlperf,bert-99,deepsparse", "--env.CM_MLPERF_LOADGEN_SCENARI=Server", "--plan")

    assert ended.code != 0
    assert "did you mean CM_MLPERF_LOADGEN_SCENARIO" in ended.output


def test_a_key_that_only_conditions_read_is_accepted(cm: Cm) -> None:
    assert cm.script("run,mlperf,bert-99,deepsparse", "--env.CM_ML_MODEL_VARIATION=onnx-int8", "--plan").code == 0
