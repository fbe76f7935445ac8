"""Fifty values that would do harm in a shell, a path or a template are neither executed nor split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from cm_command import Cm
    from tiny_scripts import Bench

SHELL = [
    "$(touch hacked)", "`touch hacked`", "; touch hacked", "&& touch hacked", "| touch hacked", "> hacked", "$HOME",
    "${IFS}touch${IFS}hacked", "a'b", 'a"b', "a\\b", "\\$(touch hacked)", "$((1+1))", "!!", "~root", "*", "?", "[a-z]",
    "{a,b}", "a;b", "a&b", "# comment", "$'\\x41'", "\ttab", "a  b",
]  # fmt: skip
LINES = ["a\nb", "a\r\nb", "\n", " leading", "trailing ", "CM_X=1\nCM_Y=2"]
OPTIONS = ["--rm", "-rf", "--", "-", "--env.CM_X=y", "@file.json", "=", "a=b", ",", "a,b"]
TEMPLATES = ["{entry}", "{cache}", "{{", "}}", "%s", "%(x)s", "{0}", "<<<CM_OTHER", "CM_OTHER>>>"]
PATHS = ["../../hacked", "/nowhere/hacked", "a/../b", ".", "..", "con:", "x" * 5000, "ü€😀", "\u202e txt"]
HOSTILE = SHELL + LINES + OPTIONS + TEMPLATES + PATHS
ECHO = """
    import sys

    def preprocess(context: Context) -> Done:
        program = "import sys; sys.stdout.write(sys.argv[1])"
        lines = []
        done = context.command([sys.executable, "-c", program, context.text("CM_TEXT", "")], on_line=lines.append)
        (context.output / "text").write_text(context.text("CM_TEXT", ""), newline="")
        return Done({"CM_FILE": context.output / "text", "CM_SAME": context.text("CM_TEXT", "")})
    """


def test_there_are_fifty_hostile_values() -> None:
    assert len(set(HOSTILE)) >= 50


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "run"])
@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_a_value_arrives_unchanged(bench: Bench, value: str, cached: bool) -> None:
    bench.scripts.add("x", ECHO, cache=cached, env_keys=["CM_TEXT"], new_env_keys=["CM_FILE", "CM_SAME"])

    for _ in range(2):
        record = bench.run("x", env={"CM_TEXT": value})
        assert Path(str(record.exports["CM_FILE"])).read_bytes().decode() == value
        assert record.exports["CM_SAME"] == value
    assert record.steps[0].commands == [] or record.steps[0].commands[0]["argv"][-1] == value
    assert not list(bench.home.parent.rglob("hacked"))


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_a_variations_value_is_taken_whole_or_refused(bench: Bench, value: str) -> None:
    bench.scripts.add(
        "x", ECHO, env_keys=["CM_TEXT"], new_env_keys=["CM_FILE", "CM_SAME"],
        variations={"of.#": {"env": {"CM_TEXT": "#"}}},
    )  # fmt: skip
    try:
        same = bench.run(f"x,_of.{value}").exports["CM_SAME"]
    except ScriptGraphError:
        return
    # Commas and white space end a tag, and so the value.
    assert str(same) == value.replace("\r", " ").replace("\n", " ").replace("\t", " ").replace(",", " ").split(" ")[0]


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_a_hostile_tag_finds_no_script(bench: Bench, value: str) -> None:
    bench.scripts.add("x")
    with pytest.raises(ScriptGraphError):
        bench.run(f"nothing-of-this,{value}")
    assert not list(bench.home.parent.rglob("hacked"))


@pytest.mark.parametrize(
    "name", ["../../out", "../out", "a/../b", "{tmp}/out", ".", "..", ".hidden", "a/b", "x" * 5000]
)
def test_a_file_name_that_leads_elsewhere_is_refused(cm: Cm, tmp_path: Path, name: str) -> None:
    ended = cm.script("download,file", *local_file(tmp_path), f"--filename={name.format(tmp=tmp_path)}")

    assert ended.code != 0
    assert "--filename" in ended.output
    assert "Traceback" not in ended.output
    assert not list(tmp_path.rglob("out"))


@pytest.mark.parametrize("name", [*SHELL[:12], "a b", "ü€😀", "--rm", "{entry}"], ids=ascii)
def test_an_odd_but_plain_file_name_is_kept(cm: Cm, tmp_path: Path, name: str) -> None:
    ended = cm.script("download,file", *local_file(tmp_path), f"--filename={name}", "--out=json")

    assert ended.code == 0, ended.output
    path = Path(json.loads(ended.out)["new_env"]["CM_DOWNLOAD_PATH"])
    assert path.name == name
    assert path.read_text() == "content"
    assert path.is_relative_to(cm.home / "mlperf-home" / "cache")
    assert not list(tmp_path.rglob("hacked"))


@pytest.mark.parametrize(
    ("tags", "option"),
    [
        ("install,python-venv", "--name=../../out"),
        ("get,python3", "--name=../../out"),
        ("get,ml-model,bert-squad,raw,_sample-dense", "--env.CM_ML_MODEL_FULL_NAME_GIVEN=../../out"),
    ],
)
def test_other_names_that_lead_elsewhere_are_refused(cm: Cm, tmp_path: Path, tags: str, option: str) -> None:
    ended = cm.script(tags, option)

    assert ended.code != 0
    assert "must be a plain name" in ended.output
    assert not list(tmp_path.rglob("out"))


def local_file(folder: Path) -> tuple[str, ...]:
    (folder / "source.txt").write_text("content")
    digest = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    return f"--url=file://{folder / 'source.txt'}", f"--checksum={digest}"
