"""Collections of other people run beside ours, with consent, in processes of their own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from foreign_scripts import ForeignFolders
from tiny_scripts import exporting

from mlperf_home.product import PRODUCT
from scriptgraph.api import add_collection, trust_collection
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tiny_scripts import ScriptFolders

    Run = Callable[..., dict[str, Any]]

SETS = """
    def preprocess(i):
        i["env"]["CM_SET"] = "preprocess"
        return {"return": 0}
    """


@pytest.fixture
def untrusted(tmp_path: Path, scripts: ScriptFolders, monkeypatch: pytest.MonkeyPatch) -> ForeignFolders:
    monkeypatch.setenv("CM_REPOS", str(tmp_path / "cm"))
    scripts.add("ours", exporting(CM_OURS="ours"), new_env_keys=["CM_OURS"])
    folders = ForeignFolders(tmp_path / "theirs")
    folders.add("first", SETS, new_env_keys=["CM_SET"])
    add_collection(PRODUCT, folders.root)
    return folders


@pytest.fixture
def theirs(untrusted: ForeignFolders) -> ForeignFolders:
    trust_collection(PRODUCT, "theirs")
    return untrusted


def exports(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["return"] == 0, answer.get("error")
    found: dict[str, Any] = answer["new_env"]
    return found


class TestConsent:
    def test_nothing_of_a_collection_runs_without_consent(self, untrusted: ForeignFolders, cm_run: Run) -> None:
        answer = cm_run("first")

        assert answer["return"] == 1
        assert f"runs shell code of the collection theirs ({untrusted.root}/script)" in answer["error"]
        assert "--tags=trust,collection --name=theirs" in answer["error"]

    def test_a_plan_names_the_code_that_would_run(
        self, untrusted: ForeignFolders, cm_run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cm_run("first", plan=True)["return"] == 0

        assert "shell code of the collection theirs (1 of its scripts" in capsys.readouterr().out

    def test_a_plan_shows_what_code_will_decide(
        self, theirs: ForeignFolders, cm_run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = 'def preprocess(i):\n    i["env"]["CM_WANTS"] = "no"\n    return {"return": 0}\n'
        guard = {"CM_WANTS": ["yes"]}
        theirs.add("top", code, cache=True, prehook_deps=[{"tags": "first", "enable_if_env": guard}])

        cm_run("top", plan=True, verbose=True)
        assert "? first - unresolved until CM_WANTS is known" in capsys.readouterr().out
        assert cm_run("top")["return"] == 0
        cm_run("top", plan=True, verbose=True)
        assert "first" not in capsys.readouterr().out

    def test_a_prefetch_runs_no_foreign_code(self, theirs: ForeignFolders, cm_run: Run, tmp_path: Path) -> None:
        theirs.add("top", cache=True, run=f"touch {tmp_path}/ran", prehook_deps=[{"tags": "first"}])

        assert cm_run("top", prefetch=True)["return"] == 0
        assert not (tmp_path / "ran").exists()

    def test_a_folder_that_is_gone_is_named(
        self, theirs: ForeignFolders, cm_run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.rmtree(theirs.root)

        assert cm_run("ours")["return"] == 0
        assert "--tags=remove,collection --name=theirs" in capsys.readouterr().err

    def test_consent_can_be_revoked(self, theirs: ForeignFolders, cm_run: Run) -> None:
        assert cm_run("first")["return"] == 0

        trust_collection(PRODUCT, "theirs", trusted=False)

        assert "not trusted" in cm_run("first")["error"]

    def test_a_folder_without_scripts_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match="give the folder of a collection"):
            add_collection(PRODUCT, tmp_path)

    def test_the_near_name_is_suggested(self, untrusted: ForeignFolders) -> None:
        with pytest.raises(RequestError, match="did you mean theirs"):
            trust_collection(PRODUCT, "thiers")


class TestSelection:
    def test_a_users_query_prefers_ours_with_a_note(
        self, theirs: ForeignFolders, cm_run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        theirs.add("other", SETS, tags=["ours"], new_env_keys=["CM_SET"])

        assert exports(cm_run("ours")) == {"CM_OURS": "ours"}
        assert "also fits theirs:other; write NAME:tags" in capsys.readouterr().err
        assert exports(cm_run("theirs:ours")) == {"CM_SET": "preprocess"}

    def test_a_collections_script_prefers_its_own(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("other", SETS, tags=["ours"], new_env_keys=["CM_SET"])
        theirs.add("top", deps=[{"tags": "ours"}], new_env_keys=["CM_*"])

        assert exports(cm_run("top"))["CM_SET"] == "preprocess"

    def test_of_several_the_first_by_sort_is_chosen(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("b-late", tags=["compiler"], sort=500, env={"CM_WHICH": "late"}, new_env_keys=["CM_WHICH"])
        theirs.add("c-early", tags=["compiler"], sort=1, env={"CM_WHICH": "early"}, new_env_keys=["CM_WHICH"])
        theirs.add("a-other", tags=["compiler"], sort=900, variations={"cross": {}}, env={"CM_WHICH": "cross"},
                   new_env_keys=["CM_WHICH"])  # fmt: skip

        assert exports(cm_run("compiler")) == {"CM_WHICH": "early"}
        assert exports(cm_run("compiler,_cross")) == {"CM_WHICH": "cross"}

    def test_workflows_mix_both(self, theirs: ForeignFolders, scripts: ScriptFolders, cm_run: Run) -> None:
        theirs.add("uses-ours", deps=[{"tags": "ours"}], run='echo "CM_SEEN=<$CM_OURS>" > tmp-run-env.out',
                   new_env_keys=["CM_SEEN"])  # fmt: skip
        scripts.add(
            "uses-theirs",
            'def preprocess(context: Context) -> Done:\n    return Done({"CM_END": context.text("CM_SEEN") + "!"})\n',
            deps=[{"tags": "uses-ours"}],
            env_keys=["CM_SEEN"],
            new_env_keys=["CM_END"],
        )

        assert exports(cm_run("uses-theirs")) == {"CM_END": "<ours>!"}


class TestOrder:
    def test_each_phase_sees_what_the_earlier_ones_set(self, theirs: ForeignFolders, cm_run: Run) -> None:
        note = 'echo "CM_TRAIL=${CM_TRAIL} NAME" > tmp-run-env.out'
        for name in ("before", "prehook", "posthook", "last"):
            theirs.add(name, run=note.replace("NAME", name), new_env_keys=["CM_TRAIL"])
        theirs.add(
            "top",
            """
            def preprocess(i):
                i["env"]["CM_TRAIL"] += " preprocess"
                i["env"]["CM_WANTS"] = "yes"
                return {"return": 0}

            def postprocess(i):
                i["env"]["CM_TRAIL"] += " postprocess"
                return {"return": 0}
            """,
            run=note.replace("NAME", "run"),
            deps=[{"tags": "before"}],
            prehook_deps=[{"tags": "prehook", "enable_if_env": {"CM_WANTS": ["yes"]}}, {"tags": "top",
                           "enable_if_env": {"CM_NEVER": ["yes"]}}],
            posthook_deps=[{"tags": "posthook"}],
            post_deps=[{"tags": "last"}],
            new_env_keys=["CM_TRAIL"],
        )  # fmt: skip

        trail = exports(cm_run("top"))["CM_TRAIL"].split()

        assert trail == ["before", "preprocess", "prehook", "run", "posthook", "postprocess", "last"]

    def test_a_circle_ends_where_its_guard_does(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("tool", deps=[{"tags": "builder", "skip_if_env": {"CM_INNER": ["yes"]}}], new_env_keys=["CM_B*"])
        theirs.add("builder", deps=[{"tags": "tool", "env": {"CM_INNER": "yes"}}], env={"CM_BUILT": "yes"},
                   new_env_keys=["CM_BUILT"])  # fmt: skip

        assert exports(cm_run("tool")) == {"CM_BUILT": "yes"}

    def test_a_variation_replaces_a_dependency_of_its_name(self, theirs: ForeignFolders, cm_run: Run) -> None:
        for name in ("one", "two"):
            theirs.add(name, env={f"CM_{name.upper()}": "ran"}, new_env_keys=["CM_*"])
        theirs.add("top", deps=[{"tags": "one", "names": ["part"]}], new_env_keys=["CM_ONE", "CM_TWO"],
                   variations={"other": {"deps": [{"tags": "two", "names": ["part"]}]}})  # fmt: skip

        assert exports(cm_run("top,_other")) == {"CM_TWO": "ran"}

    def test_another_script_can_take_its_place(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("top", 'def preprocess(i):\n    return {"return": 0, "skip": True, "script": {"tags": "first"}}\n',
                   new_env_keys=["CM_SET"])  # fmt: skip

        assert exports(cm_run("top")) == {"CM_SET": "preprocess"}

    def test_code_can_run_a_script_and_read_its_exports(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("top", """
            import cmind as cm

            def preprocess(i):
                r = cm.access({"action": "run", "automation": "script", "tags": "first", "env": i["env"]})
                if r["return"] > 0:
                    return r
                i["env"]["CM_SEEN"] = r["new_env"]["CM_SET"] + "!"
                return {"return": 0}
            """, new_env_keys=["CM_SEEN"])  # fmt: skip

        assert exports(cm_run("top")) == {"CM_SEEN": "preprocess!"}


class TestValues:
    def test_words_stay_as_their_authors_wrote_them(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("words", cache=True, env={"CM_A": "on", "CM_B": True, "CM_C": "True", "CM_D": 4},
                   run='echo "CM_SEEN=$CM_A $CM_B $CM_C $CM_D" > tmp-run-env.out', new_env_keys=["CM_*"])  # fmt: skip

        first, again = exports(cm_run("words")), exports(cm_run("words"))

        assert first == again
        assert (first["CM_SEEN"], first["CM_A"], first["CM_B"]) == ("on True True 4", "on", "True")

    def test_a_users_word_stays_as_typed(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("show", run='echo "CM_SEEN=$CM_TEXT" > tmp-run-env.out', new_env_keys=["CM_SEEN"])
        typed = ["run", "script", "--tags=show", "--env.CM_TEXT=true"]

        assert exports(cm_run("show", env={"CM_TEXT": "true"}, cmd=typed)) == {"CM_SEEN": "true"}

    def test_a_users_value_is_never_run_by_their_shell(
        self, theirs: ForeignFolders, cm_run: Run, tmp_path: Path
    ) -> None:
        theirs.add("show", run='echo "CM_SEEN=$CM_TEXT" > tmp-run-env.out', input_mapping={"text": "CM_TEXT"},
                   new_env_keys=["CM_SEEN"])  # fmt: skip
        evil = f'$(touch {tmp_path}/ran) `touch {tmp_path}/ran` "quoted" \\n'

        assert exports(cm_run("show", text=evil)) == {"CM_SEEN": evil}
        assert not (tmp_path / "ran").exists()

    def test_their_own_values_are_expanded_as_in_2023(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("show", env={"CM_A": "x", "CM_B": "${CM_A}y"}, new_env_keys=["CM_SEEN"],
                   run='echo "CM_SEEN=$CM_B" > tmp-run-env.out')  # fmt: skip

        assert exports(cm_run("show")) == {"CM_SEEN": "xy"}

    def test_lists_go_before_a_variable_of_the_user(
        self, theirs: ForeignFolders, cm_run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PLACES", "/usual")
        for name in ("a", "b"):
            theirs.add(name, f"""
                def preprocess(i):
                    i["env"].setdefault("+PLACES", []).append("/{name}")
                    i["env"].setdefault("+ CFLAGS", []).append("-{name}")
                    return {{"return": 0}}
                """, new_env_keys=["+PLACES", "+ CFLAGS"])  # fmt: skip
        theirs.add("top", deps=[{"tags": "a"}, {"tags": "b"}], new_env_keys=["CM_SEEN", "+PLACES"],
                   run='echo "CM_SEEN=$PLACES $CFLAGS" > tmp-run-env.out')  # fmt: skip

        found = exports(cm_run("top"))

        assert found["CM_SEEN"] == "/a:/b:/usual -a -b"
        assert list(found["+PLACES"]) == ["/a", "/b"]

    def test_state_travels_beside_the_environment(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("told", """
            def postprocess(i):
                i["state"]["told"] = {"list": [1, {"deep": True}]}
                return {"return": 0}
            """, new_state_keys=["told*"], cache=True)  # fmt: skip
        theirs.add("top", """
            def preprocess(i):
                i["env"]["CM_SEEN"] = repr(i["state"]["told"])
                return {"return": 0}
            """, deps=[{"tags": "told"}], new_env_keys=["CM_SEEN"], variations={"more": {"state": {"told": {"x": 1}}}},
            new_state_keys=["told"])  # fmt: skip

        answer = cm_run("top,_more")

        assert exports(answer) == {"CM_SEEN": "{'x': 1, 'list': [1, {'deep': True}]}"} or exports(answer) == {
            "CM_SEEN": "{'list': [1, {'deep': True}]}"
        }
        assert answer["new_state"]["told"]["list"] == [1, {"deep": True}]

    def test_a_version_is_passed_on_though_no_list_has_it(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("versioned", versions={"1.0": {"env": {"CM_OF": "one"}}}, default_version="1.0",
                   run='echo "CM_SEEN=$CM_VERSION $CM_TMP_PIP_VERSION_STRING $CM_OF" > tmp-run-env.out',
                   new_env_keys=["CM_SEEN"])  # fmt: skip

        assert exports(cm_run("versioned")) == {"CM_SEEN": "1.0 ==1.0 one"}
        assert exports(cm_run("versioned", version="2.5")) == {"CM_SEEN": "2.5 ==2.5"}

    def test_local_keys_stay_above_unless_forced(self, theirs: ForeignFolders, cm_run: Run) -> None:
        see = 'echo "CM_SEEN${CM_WHERE}=<$CM_TMP_X $CM_OWN>" > tmp-run-env.out'
        theirs.add("below", run=see, new_env_keys=["CM_SEEN*"])
        theirs.add("top", env={"CM_TMP_X": "x", "CM_OWN": "own"}, local_env_keys=["CM_OWN"],
                   deps=[{"tags": "below", "env": {"CM_WHERE": "1"}},
                         {"tags": "below", "env": {"CM_WHERE": "2"}, "force_env_keys": ["CM_OWN"]}],
                   new_env_keys=["CM_SEEN*"])  # fmt: skip

        found = exports(cm_run("top"))

        assert (found["CM_SEEN1"], found["CM_SEEN2"]) == ("< >", "< own>")


class TestCache:
    def test_an_equal_request_is_taken_from_the_cache(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("slow", cache=True, run='date +%N > made; echo "CM_PATH=$PWD/made" > tmp-run-env.out',
                   new_env_keys=["CM_PATH"])  # fmt: skip

        first, again = cm_run("slow"), cm_run("slow")

        assert (first["status"], again["status"]) == ("done", "cached")
        assert exports(first) == exports(again)
        assert Path(exports(again)["CM_PATH"]).is_file()

    def test_what_is_installed_keeps_its_path(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("install", cache=True, run="pwd > where; echo CM_WHERE=$PWD > tmp-run-env.out",
                   new_env_keys=["CM_WHERE"])  # fmt: skip

        where = exports(cm_run("install"))["CM_WHERE"]

        assert (os.path.realpath(where) == where, Path(where, "where").read_text().strip()) == (True, where)

    def test_an_entry_is_made_again_with_what_it_used(self, theirs: ForeignFolders, cm_run: Run, home: Path) -> None:
        theirs.add("tool", cache=True, run='touch tool; echo "CM_TOOL=$PWD/tool" > tmp-run-env.out',
                   new_env_keys=["CM_TOOL"])  # fmt: skip
        theirs.add("top", cache=True, prehook_deps=[{"tags": "tool"}], new_env_keys=["CM_TOOL"])
        first = exports(cm_run("top"))

        shutil.rmtree(Path(first["CM_TOOL"]).parents[1])

        assert exports(cm_run("top")) == first
        assert Path(first["CM_TOOL"]).is_file()

    def test_changed_code_is_run_again(self, theirs: ForeignFolders, cm_run: Run) -> None:
        folder = theirs.add("code", cache=True, run='echo "CM_A=old" > tmp-run-env.out', new_env_keys=["CM_A"])
        assert exports(cm_run("code")) == {"CM_A": "old"}

        (folder / "run.sh").write_text('echo "CM_A=new" > tmp-run-env.out\n')

        assert exports(cm_run("code")) == {"CM_A": "new"}


class TestTools:
    def test_a_program_is_found_with_a_fitting_version(
        self, theirs: ForeignFolders, cm_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in ("1.2", "2.0"):
            folder = tmp_path / f"bin{number}"
            folder.mkdir()
            (folder / "sometool").write_text(f"#!/bin/sh\necho sometool {number}\n")
            (folder / "sometool").chmod(0o755)
        path = f"{tmp_path}/bin1.2:{tmp_path}/bin2.0:{os.environ['PATH']}"
        monkeypatch.setenv("PATH", path)
        theirs.add("get-tool", """
            def preprocess(i):
                return i["automation"].find_artifact({
                    "file_name": "sometool", "env": i["env"], "os_info": i["os_info"], "default_path_env_key": "PATH",
                    "detect_version": True, "env_path_key": "CM_TOOL_BIN_WITH_PATH",
                    "run_script_input": i["run_script_input"], "recursion_spaces": i["recursion_spaces"]})

            def detect_version(i):
                return i["automation"].parse_version({"match_text": r"sometool (\\S+)", "group_number": 1,
                                                      "env_key": "CM_TOOL_VERSION", "which_env": i["env"]})

            def postprocess(i):
                return detect_version(i)
            """, run="$CM_TOOL_BIN_WITH_PATH > tmp-ver.out", new_env_keys=["CM_TOOL_*"])  # fmt: skip

        assert exports(cm_run("get-tool"))["CM_TOOL_VERSION"] == "1.2"
        found = exports(cm_run("get-tool", version_min="1.5"))

        assert found == {"CM_TOOL_BIN_WITH_PATH": f"{tmp_path}/bin2.0/sometool", "CM_TOOL_VERSION": "2.0"}

    def test_a_successors_manifest_gets_its_own_names(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("newer", """
            from mlc import utils
            from utils import is_true

            def preprocess(i):
                i["env"]["MLC_RESULT"] = str(is_true(i["env"]["MLC_FLAG"])) + i["env"]["MLC_OURS"]
                return {"return": 0}
            """, name="meta.yaml", deps=[{"tags": "ours"}], env={"MLC_FLAG": "yes"},
            new_env_keys=["MLC_RESULT"])  # fmt: skip

        assert exports(cm_run("newer")) == {"MLC_RESULT": "Trueours", "CM_RESULT": "Trueours"}

    def test_ours_reads_what_a_successors_script_exports(
        self, theirs: ForeignFolders, scripts: ScriptFolders, cm_run: Run
    ) -> None:
        theirs.add("newer", name="meta.yaml", env={"MLC_MADE": "theirs"}, new_env_keys=["MLC_*"])
        scripts.add(
            "mixed",
            'def preprocess(context: Context) -> Done:\n    return Done({"CM_SEEN": context.text("CM_MADE") + "!"})\n',
            deps=[{"tags": "newer"}],
            env_keys=["CM_MADE"],
            new_env_keys=["CM_SEEN"],
        )

        assert exports(cm_run("mixed")) == {"CM_SEEN": "theirs!"}

    def test_a_successors_entry_depends_on_our_values(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("newer", """
            def preprocess(i):
                i["env"]["MLC_RESULT"] = i["env"]["MLC_GIVEN"]
                return {"return": 0}
            """, name="meta.yaml", cache=True, new_env_keys=["MLC_RESULT"])  # fmt: skip

        found = [exports(cm_run("newer", env={"CM_GIVEN": value}))["CM_RESULT"] for value in ("one", "two", "one")]

        assert found == ["one", "two", "one"]


class TestFailures:
    def test_a_failing_shell_script_names_its_log(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("bad", run="echo some reason; exit 7")

        error = cm_run("bad")["error"]

        assert "bad: run.sh ended with status 7" in error
        assert "some reason" in Path(error.split("log: ")[1].strip()).read_text()

    def test_a_returned_error_is_the_message(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("bad", 'def preprocess(i):\n    return {"return": 1, "error": "no licence"}\n')

        assert "bad: no licence" in cm_run("bad")["error"]

    def test_an_exception_is_one_line(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("bad", "def preprocess(i):\n    return i['env']['CM_MISSING']\n")

        error = cm_run("bad")["error"]

        assert "bad: KeyError: 'CM_MISSING'" in error
        assert "Traceback" not in error

    def test_a_failed_dependency_of_a_phase_is_named(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("bad", run="exit 3")
        theirs.add("top", prehook_deps=[{"tags": "bad"}])

        error = cm_run("top")["error"]

        assert "bad: run.sh ended with status 3" in error
        assert "top > bad" in error

    def test_nothing_is_written_into_a_collection(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("below", SETS, run="touch made")
        theirs.add("top", SETS, cache=True, prehook_deps=[{"tags": "below"}])
        before = sorted(theirs.root.rglob("*"))

        assert cm_run("top")["return"] == 0

        assert sorted(theirs.root.rglob("*")) == before

    def test_their_code_never_runs_in_this_process(self, theirs: ForeignFolders, cm_run: Run) -> None:
        theirs.add("marks", """
            import sys
            sys.modules["marked_by_them"] = sys

            def preprocess(i):
                i["env"]["CM_OWN"] = "yes"
                return {"return": 0}
            """, new_env_keys=["CM_OWN"])  # fmt: skip

        assert exports(cm_run("marks")) == {"CM_OWN": "yes"}
        assert "marked_by_them" not in sys.modules
