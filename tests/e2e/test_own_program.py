"""`mlperf-home`, a program of our own: the commands, answers and exit statuses of `cm`."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from cm_command import CM, Cm

if TYPE_CHECKING:
    from pathlib import Path

OWN = CM.with_name("mlperf-home")
pytestmark = pytest.mark.skipif(not OWN.exists(), reason="mlperf-home is not installed beside this Python")


@pytest.fixture
def own(cm: Cm) -> Cm:
    """Return our program with the CM_REPOS of `cm`."""
    return Cm(cm.home, OWN)


@pytest.mark.parametrize(
    "words",
    [
        ("find", "script", "detect"),
        ("ls", "script", "--tags=detect,cpu", "--out=json"),
        ("show", "script", "--tags=detect,cpu", "-j"),
        ("find", "cache"),
        ("find", "challenge"),
        ("find", "experiment", "--out=json"),
        ("show", "challenge", "run-mlperf@home-v3.1-cpu"),
        ("run", "script", "--tags=detect,os", "--help"),
        ("run", "script", "--tags=detect,os", "--plan"),
        ("run", "script", "--tags=detect,oss"),
        ("run", "script", "--tags=detect,oss", "--out=json"),
        ("run", "script", "--tags=detect,os", "--stray=1"),
        ("run", "script"),
        ("run", "script", "--tags=detect,", "os"),
        ("find", "cache", "--out=xml"),
        ("rm", "script", "absent", "-f"),
        ("rm", "challenge", "run-mlperf@home-v3.1-cpu"),
        ("nonsense", "script"),
        ("run", "nonsense"),
        ("find", "repo"),
    ],
)
def test_both_programs_answer_alike(cm: Cm, own: Cm, words: tuple[str, ...]) -> None:
    cm("find", "cache")  # cmind announces its first index on standard output
    first, second = cm(*words), own(*words)

    assert (second.code, second.out, second.err) == (first.code, first.out, first.err)


def test_both_programs_run_a_script_alike(cm: Cm, own: Cm) -> None:
    cm("find", "cache")
    first, second = (each.script("detect,os", "--out=json") for each in (cm, own))

    differing = {"record"}  # its name has the time
    assert first.code == second.code == 0
    assert {**first.document, "record": ""} == {**second.document, "record": ""}
    assert all(first.document[name] != second.document[name] for name in differing)


@pytest.mark.parametrize("order", [("own", "cm", "own"), ("cm", "own", "cm")])
def test_each_program_works_after_the_other(cm: Cm, own: Cm, order: tuple[str, ...]) -> None:
    programs = {"cm": cm, "own": own}
    for name in order:
        ended = programs[name].script("detect,os", "--out=json")
        assert ended.code == 0, ended.output
        assert ended.document["new_env"]["CM_HOST_OS_TYPE"] == "linux"
        assert programs[name]("find", "repo").code == 0


def test_tags_with_commas_may_be_a_word(own: Cm) -> None:
    assert own("show", "script", "run,mlperf,bert-99,deepsparse").code == 0


def test_options_of_files_and_variables_are_read(own: Cm, tmp_path: Path) -> None:
    (tmp_path / "options.yaml").write_text("tags: detect,os\nquiet: true\n")

    ended = own("run", "script", f"@{tmp_path}/options.yaml", CM_SCRIPT_EXTRA_CMD="--stray=1")

    assert "detect-os has no option --stray" in ended.err


def test_an_answer_is_saved_as_by_cm(cm: Cm, own: Cm, tmp_path: Path) -> None:
    files = [tmp_path / "first.json", tmp_path / "second.json"]
    for program, file in zip((cm, own), files, strict=True):
        assert program("find", "script", "detect", f"--save_to_json={file}").code == 0

    first, second = (json.loads(file.read_text()) for file in files)
    assert first == second


def test_the_version_is_that_of_the_distribution(own: Cm) -> None:
    assert own("--version").out == f"mlperf-home {version('mlperf-home')}\n"


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",), ("run", "--help")])
def test_help_lists_the_commands_in_80_columns(own: Cm, words: tuple[str, ...]) -> None:
    ended = own(*words)

    assert ended.code == 0
    assert "run script" in ended.out
    assert "replay challenge" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize(
    "words", [("run", "script", "--tags=detect,os"), ("find", "repo"), ("add", "repo", "--path=.")]
)
def test_a_folder_that_cannot_be_written_is_one_line(own: Cm, words: tuple[str, ...]) -> None:
    own.environment["CM_REPOS"] = "/dev/null/repositories"
    ended = own(*words)

    assert ended.code == 1
    assert len(ended.err.strip().splitlines()) == 1
    assert "set CM_REPOS" in ended.err


@pytest.mark.parametrize("words", [("run", "script", "--tags=detect,os"), ("find", "cache"), ("find", "repo")])
def test_a_home_that_is_missing_is_one_line(own: Cm, words: tuple[str, ...]) -> None:
    del own.environment["CM_REPOS"]
    own.environment["HOME"] = "/dev/null"
    ended = own(*words)

    assert ended.code == (0 if words == ("find", "cache") else 1)
    assert len(ended.output.strip().splitlines()) == 1


def test_words_that_contradict_each_other_are_one_line(own: Cm) -> None:
    ended = own("run", "script", "--tags=detect,os", "--env=1", "--env.X=2")

    assert ended.code == 1
    assert "--env.X=2: another word sets env to a value" in ended.err


def test_a_reader_may_end_before_the_output(own: Cm) -> None:
    process = own.start("--help")
    process.stdout.close()

    assert process.wait() == 141
    assert "Traceback" not in process.stderr.read()


def test_cmind_is_not_imported_for_a_short_command(own: Cm) -> None:
    program = (
        "import sys, mlperf_home.__main__ as ours\nours.os._exit = lambda s: print('cmind' in sys.modules)\nours.main()"
    )
    argv = [OWN.with_name("python"), "-c", program, "run", "script", "--tags=detect,os", "--quiet"]

    ended = subprocess.run(argv, env=own.environment, capture_output=True, text=True, check=True)

    assert ended.stdout.split() == ["False"]
