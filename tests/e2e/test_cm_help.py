"""Help and completion through the real `cm`."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cm_command import Cm


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", "script", "--help"), "--OPTION=VALUE"),
        (("run", "script", "--tags=run,mlperf,bert-99,deepsparse", "-h"), "--scenario=TEXT"),
        (("run", "script", "help"), "--adr.NAME.KEY=VALUE"),
        (("docker", "script", "--help"), "--docker_mounts"),
        (("replay", "script", "--help"), "--record=FILE"),
        (("ls", "script", "--help"), "cm find script"),
        (("rm", "script", "--help"), "--force"),
        (("rm", "cache", "--help"), "--dependants"),
        (("show", "experiment", "--help"), "--pareto"),
        (("run", "challenge", "--help"), "--sample"),
        (("run", "challenge", "run-mlperf@home-v3.1-cpu", "--help"), "Options of run-mlperf@home-v3.1-cpu"),
    ],
)
def test_each_command_shows_its_own_help(cm: Cm, words: tuple[str, ...], expected: str) -> None:
    ended = cm(*words)

    assert ended.code == 0, ended.output
    assert expected in ended.out
    assert "Python API" not in ended.out


def test_tags_may_be_a_word_with_spaces(cm: Cm) -> None:
    cm("find", "script")  # cmind announces its first index on standard output
    by_word, by_option = (cm("show", "script", tags) for tags in ("detect os", "--tags=detect,os"))

    assert (by_word.code, by_word.out) == (0, by_option.out)
    assert "detect-os" in cm("find", "script", "detect os").out


def test_an_unknown_output_format_is_refused(cm: Cm) -> None:
    ended = cm("find", "cache", "--out=xml")

    assert ended.code == 1
    assert "--out=xml: must be one of console, json" in ended.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_tags(cm: Cm) -> None:
    cm("completion", "script", "bash")  # cmind's first command in a new folder prints about its index
    program = """
        eval "$(cm completion script bash)"
        compopt() { :; }
        COMP_LINE='cm run script --tags=detect,c' COMP_POINT=${#COMP_LINE}
        COMP_WORDS=(cm run script --tags = detect,c) COMP_CWORD=5
        _cm_complete
        echo "${COMPREPLY[*]}"
        """.replace("COMP_POINT", "\n        COMP_POINT", 1)
    environment = {**cm.environment, "PATH": f"{cm.program.parent}:{cm.environment['PATH']}"}

    ended = subprocess.run(["bash", "-c", program], env=environment, capture_output=True, text=True, check=False)

    assert ended.stdout.strip() == "detect,cpu", ended.stderr
