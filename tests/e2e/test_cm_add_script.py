"""`cm add script NAME` makes a script that runs and that the audit accepts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cm_command import CM, Cm

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = CM.with_name("mlperf-home")


@pytest.fixture(params=["cm", "mlperf-home"])
def program(cm: Cm, request: pytest.FixtureRequest) -> Iterator[Cm]:
    """Return each of the two programs."""
    if request.param == "mlperf-home" and not OWN.exists():
        pytest.skip("mlperf-home is not installed beside this Python")
    return Cm(cm.home, CM if request.param == "cm" else OWN)


def test_a_new_script_runs_and_passes_the_audit(program: Cm) -> None:
    added = program("add", "script", "count-words", "--tags=count,words", "--out=json")
    folder = Path(added.document["path"])
    ran = program.script("count,words", "--text=abc", "--out=json")
    audited = program.script("audit,repo", f"--repo={folder.parents[1]}")

    assert added.code == 0, added.output
    assert folder == program.home / "repos" / "local" / "script" / "count-words"
    assert ran.document["new_env"] == {"CM_COUNT_WORDS_RESULT": "ABC"}
    assert audited.code == 0, audited.output


def test_the_printed_commands_work(program: Cm) -> None:
    printed = program("add", "script", "say-it").out.splitlines()
    commands = [line.partition(": ")[2].split()[1:] for line in printed if ": " in line and " cm " in line]

    assert [program(*words).code for words in commands] == [0, 0]


def test_a_script_is_added_to_a_registered_repository(program: Cm, tmp_path: Path) -> None:
    (tmp_path / "words" / "script").mkdir(parents=True)
    (tmp_path / "words" / "cmr.yaml").write_text("alias: words\nuid: 1f3c5a7e9b2d4f60\ngit: false\n")
    assert program("add", "repo", f"--path={tmp_path}/words").code == 0

    assert program("add", "script", "words:sort-words", "--yaml").code == 0
    assert (tmp_path / "words" / "script" / "sort-words" / "_cm.yaml").is_file()
    assert program.script("sort-words").code == 0


def test_a_new_script_can_be_removed(program: Cm) -> None:
    program("add", "script", "short-lived")

    assert program("rm", "script", "short-lived", "-f").code == 0
    assert program.script("short-lived").code == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "which name? write cm add script NAME"),
        (("detect-os",), "detect-os: is already the alias of"),
        (("a b",), "is no name of a script"),
        (("_x",), "is no name of a script"),
        (("nowhere:x",), "nowhere"),
    ],
)
def test_a_wrong_name_is_one_line_and_writes_nothing(cm: Cm, words: tuple[str, ...], expected: str) -> None:
    ended = cm("add", "script", *words)

    assert ended.code != 0
    assert expected in ended.err
    assert "Traceback" not in ended.output
    assert not (cm.home / "repos" / "local" / "script").exists()
