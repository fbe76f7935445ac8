"""Every form of cmind's input is decoded, or refused with an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.product import PRODUCT
from scriptgraph.api import Switches
from scriptgraph.cli.commands.cache import cache_command
from scriptgraph.cli.commands.cmind_input import wants_json
from scriptgraph.cli.commands.decoder import decode
from scriptgraph.cli.commands.script import script_command
from scriptgraph.cli.runs.run_options import RunOptions, home_folders, read_run
from scriptgraph.errors import RequestError
from scriptgraph.manifest.queries import VersionRange, parse_query
from scriptgraph.manifest.types import Override

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.planning.plan import Request

# The keys that cmind adds to every command.
CMIND: dict[str, Any] = {
    "action": "run", "automation": "script", "artifact": "", "artifacts": [], "parsed_automation": [("script", "5b4e")],
    "cmd": ["run", "script", "--tags=a"], "out": "con", "unparsed_cmd": [],
}  # fmt: skip


def read(command: dict[str, Any]) -> tuple[Request, RunOptions]:
    return read_run(decode(script_command("run", PRODUCT), {**CMIND, **command}), PRODUCT)


def run(**typed: Any) -> tuple[Request, RunOptions]:
    return read({"tags": "a", **typed})


def refusal(**typed: Any) -> str:
    with pytest.raises(RequestError) as caught:
        run(**typed)
    return str(caught.value)


@pytest.mark.parametrize(
    "command",
    [
        {"tags": "run,bert,_v"},
        {"tags": "run, bert , _v"},
        {"artifact": "run bert _v"},
        {"artifact": "run,bert,_v"},
        {"tags": True, "artifact": "run,bert,_v"},
        {"tags": ["run", "bert", "_v"]},
    ],
)
def test_tags_can_be_written_in_several_ways(command: dict[str, Any]) -> None:
    request, _ = read(command)

    assert request.query == parse_query("run,bert,_v")


@pytest.mark.parametrize(
    "command", [{}, {"tags": ""}, {"tags": True}, {"tags": "_v"}, {"artifact": " , "}, {"tags": "-a"}]
)
def test_a_run_without_a_tag_is_refused(command: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        read(command)

    assert str(caught.value) == 'which script? write cm run script --tags=a,b or cm run script "a b"'


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (
            {"artifacts": ["bert", "x"]},
            "stray words: bert x; options are written --name=value, without spaces around the =",
        ),
        (
            {"unparsed_cmd": ["--late"]},
            "stray words: --late; options are written --name=value, without spaces around the =",
        ),
        ({"artifact": "bert"}, "stray word: 'bert' beside --tags=a; write tags with commas and no spaces"),
    ],
)
def test_a_stray_word_is_refused(typed: dict[str, Any], text: str) -> None:
    assert refusal(**typed) == text


def test_keys_that_are_not_cminds_are_options() -> None:
    request, _ = run(scenario="Offline", rerun=True, readme=False, count="5", skip="yes", sizes=["1", "2"])

    assert request.inputs == {
        "scenario": "Offline", "rerun": True, "readme": False, "count": "5", "skip": True, "sizes": ("1", "2"),
    }  # fmt: skip
    assert request.argv == ("run", "script", "--tags=a")


@pytest.mark.parametrize("key", ["no_rerun", "no-rerun"])
def test_dashes_and_underscores_are_the_same(key: str) -> None:
    assert run(**{key: "x"})[0].inputs == {"no_rerun": "x"}


def test_both_spellings_at_once_are_refused() -> None:
    assert refusal(**{"no-rerun": 1, "no_rerun": 2}) == (
        "--no_rerun: is set twice, with dashes and with underscores; keep one"
    )


def test_keys_of_the_environment_are_decoded() -> None:
    request, _ = run(env={"CM_A": "no", "CM-B": "1", "CM_C": ""})

    assert request.env == {"CM_A": False, "CM-B": "1", "CM_C": ""}


@pytest.mark.parametrize("option", ["adr", "add_deps_recursive", "ad", "add_deps"])
def test_overrides_are_decoded(option: str) -> None:
    request, _ = run(**{option: {"my-dep": {"version_min": "1.2", "tags": "_x", "max-size": "5", "fast": True}}})

    assert request.overrides == {"my-dep": Override("_x", VersionRange(minimum="1.2"), {"max_size": "5", "fast": True})}


def test_overrides_in_two_spellings_are_merged() -> None:
    request, _ = run(adr={"n": {"tags": "_x"}}, add_deps_recursive={"n": {"tags": "_y", "k": "1"}})

    assert request.overrides == {"n": Override("_x,_y", inputs={"k": "1"})}


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ({"env": True}, "--env: needs a key; write --env.KEY=value"),
        ({"env": {"A": {"B": "1"}}}, "--env.A: has parts (B); write one value"),
        ({"size": {"a": "1", "b": "2"}}, "--size: has parts (a, b); write one value"),
        ({"adr": True}, "--adr: needs a name and a key; write --adr.NAME.KEY=value"),
        ({"adr": {"python": "3"}}, "--adr: needs a name and a key; write --adr.NAME.KEY=value"),
        ({"adr": {"python": {"env": {"A": "1"}}}}, "--adr.python.env: has parts (A); write one value"),
        ({"quiet": "perhaps"}, "--quiet=perhaps: must be yes or no"),
        ({"quiet": ["a"]}, "--quiet=a: must be yes or no"),
        ({"v": {"x": "1"}}, "--v: has parts (x); write one value"),
        ({"home": True}, "--home: needs a path; write --home=DIR"),
        ({"home": "~no-such-user-here/x"}, "~no-such-user-here/x: names an unknown user; correct the name after ~"),
        ({"mirrors": True}, "--mirrors: needs a path; write --mirrors=FILE"),
    ],
)
def test_a_malformed_option_is_refused(typed: dict[str, Any], text: str) -> None:
    assert refusal(**typed) == text


@pytest.mark.parametrize(
    ("typed", "switches"),
    [
        ({}, {}),
        ({"quiet": True}, {"quiet": True}),
        ({"quiet": "yes"}, {"quiet": True}),
        ({"quiet": "no"}, {}),
        ({"quiet": False}, {}),
        ({"v": True}, {"verbose": True}),
        ({"verbose": "1"}, {"verbose": True}),
        ({"offline": True}, {"offline": True}),
    ],
)
def test_switches_are_not_options_of_the_script(typed: dict[str, Any], switches: dict[str, bool]) -> None:
    request, options = run(**typed)

    assert request.inputs == {}
    assert options.switches == Switches(command_line=request.argv, **switches)


@pytest.mark.parametrize("typed", [{"j": True}, {"json": True}, {"out": "json"}])
def test_json_can_be_requested_in_several_ways(typed: dict[str, Any]) -> None:
    assert wants_json({**CMIND, **typed})
    assert not wants_json(CMIND)


class TestMirrors:
    def test_a_file_maps_prefixes_to_mirrors(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "mirrors.json"
        file.write_text('{"https://host/": "http://mirror/"}', encoding="utf-8")

        by_option = run(mirrors=str(file))[1]
        monkeypatch.setenv("CM_MIRRORS", str(file))
        by_environment = run()[1]

        assert by_option.switches.mirrors == by_environment.switches.mirrors == {"https://host/": "http://mirror/"}

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{", "is not JSON ("),
            ("[" * 100_000, "is nested more than 64 levels deep"),
            (None, "cannot be read ("),
            ("[]", 'is not an object like {"https://host/": "http://mirror/host/"}'),
            ('{"a": 1}', 'is not an object like {"https://host/": "http://mirror/host/"}'),
        ],
    )
    def test_an_invalid_file_of_mirrors_is_refused(self, tmp_path: Path, text: str | None, problem: str) -> None:
        file = tmp_path / "mirrors.json"
        if text is not None:
            file.write_text(text, encoding="utf-8")

        assert refusal(mirrors=str(file)).startswith(f"--mirrors={file}: {problem}")


class TestHome:
    @pytest.fixture(autouse=True)
    def _user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("CM_REPOS", raising=False)
        monkeypatch.setenv("CM_HOME", "/nowhere")  # the folder of cmind itself
        monkeypatch.chdir(tmp_path)

    def test_the_default_home_is_in_cminds_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert PRODUCT.home == tmp_path / "CM" / "mlperf-home"
        monkeypatch.setenv("CM_REPOS", " ")
        assert PRODUCT.home == tmp_path / "CM" / "mlperf-home"
        monkeypatch.setenv("CM_REPOS", str(tmp_path / "big disk"))
        assert run()[1].home == tmp_path / "big disk" / "mlperf-home"
        monkeypatch.setenv("CM_REPOS", "~/big")
        assert run()[1].home == tmp_path / "big" / "mlperf-home"

    @pytest.mark.parametrize("spelling", ["~/there", "there", "./there"])
    def test_the_home_can_be_set(self, tmp_path: Path, spelling: str) -> None:
        options = run(home=spelling)[1]

        assert options.home == tmp_path / "there"
        assert options.cache == tmp_path / "there" / "cache"


class TestPlaces:
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CM_REPOS", "/repos")
        monkeypatch.delenv("MLPERF_HOME_CACHE", raising=False)

    def test_the_cache_is_in_the_home_by_default(self) -> None:
        assert str(run()[1].cache) == "/repos/mlperf-home/cache"
        assert str(run(home="/h")[1].cache) == "/h/cache"

    def test_the_cache_may_be_elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLPERF_HOME_CACHE", "/from/environment")

        assert str(run(home="/h")[1].cache) == "/from/environment"
        options = run(**{"home": "/h", "cache-dir": "/c"})[1]
        assert (str(options.home), str(options.cache)) == ("/h", "/c")

    def test_listing_commands_use_the_same_cache(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def cache(**typed: Any) -> str:
            return str(home_folders(decode(cache_command("find", PRODUCT), typed), PRODUCT)[1])

        assert cache(home="/h") == "/h/cache"
        assert cache(cache_dir="/c") == "/c"
        monkeypatch.setenv("MLPERF_HOME_CACHE", "/from/environment")
        assert cache() == "/from/environment"

    def test_a_folder_option_needs_a_path(self) -> None:
        assert refusal(cache_dir=True) == "--cache_dir: needs a path; write --cache_dir=DIR"


@pytest.mark.parametrize(
    ("typed", "rebuild"),
    [({}, "none"), ({"renew": True}, "requested"), ({"new": "yes"}, "all"), ({"new": True, "renew": True}, "all"),
     ({"new": "no"}, "none")],
)  # fmt: skip
def test_what_is_made_anew(typed: dict[str, Any], rebuild: str) -> None:
    assert run(**typed)[1].rebuild == rebuild


def test_words_after_two_dashes_are_the_option_command() -> None:
    request, _ = run(unparsed_cmd=["cm", "run", "script", "--x=a b"])

    assert request.inputs["command"] == "cm run script '--x=a b'"
    assert "keep one of them" in refusal(unparsed_cmd=["cm"], command="ls")
