"""Lists on the command line: scripts and cache entries."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cm_command import Cm, Ended

SAMPLE = "get,dataset,sample-squad"


def document(ended: Ended) -> dict[str, Any]:
    return dict(json.loads(ended.out))


def sample(cm: Cm, *words: str, questions: int = 20, **extra: str) -> dict[str, Any]:
    """Make the embedded sample, with a small cached step."""
    ended = cm.script(SAMPLE, f"--questions={questions}", "--quiet", "--out=json", *words, **extra)
    assert ended.code == 0, ended.output
    return document(ended)


def entries(cm: Cm, *words: str) -> list[dict[str, Any]]:
    return list(document(cm("find", "cache", "--out=json", *words))["entries"])


class TestScripts:
    @pytest.mark.parametrize("action", ["find", "ls", "list", "search"])
    def test_scripts_are_listed(self, cm: Cm, action: str) -> None:
        ended = cm(action, "script", "--tags=detect")

        lines = [line.split()[0] for line in ended.out.splitlines() if line.startswith("detect-")]
        assert ended.code == 0
        assert lines == ["detect-cpu", "detect-os"]
        assert "Detect the CPU" in ended.out

    def test_a_script_is_found_by_words_as_json(self, cm: Cm) -> None:
        answer = document(cm("find", "script", "detect os", "--out=json"))

        (found,) = answer["scripts"]
        assert found["alias"] == "detect-os"
        assert (Path(found["path"]) / "_cm.json").is_file()

    def test_all_are_listed_without_a_filter(self, cm: Cm) -> None:
        assert len(document(cm("find", "script", "--out=json"))["scripts"]) > 20

    def test_the_nearest_is_named_where_none_matches(self, cm: Cm) -> None:
        ended = cm("find", "script", "--tags=detekt")
        answer = document(cm("find", "script", "--tags=detekt", "--out=json"))

        assert ended.code != 0
        assert "Did you mean detect" in ended.output
        assert answer["scripts"] == []
        assert "detect" in answer["nearest"]

    def test_a_script_is_shown_whole(self, cm: Cm) -> None:
        ended = cm("show", "script", "--tags=get,generic-python-lib,_onnxruntime")

        assert ended.code == 0
        for text in (
            "get-generic-python-lib: Make an environment",
            "--environment=PATH",
            "_package.#",
            "--adr.python3",
            "CM_PYTHON_LIB_BIN_WITH_PATH",
            "cached; rebuilt when these change:",
            "cm run script --tags=",
        ):
            assert text in ended.out

    def test_a_script_is_shown_as_json(self, cm: Cm) -> None:
        script = document(cm("show", "script", "download file", "--out=json"))["script"]

        assert script["alias"] == "download-file"
        assert {each["name"] for each in script["options"]} >= {"url", "checksum"}
        assert script["keeps"]["cache"] is True

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ((), "which script?"),
            (("--tags=detect",), "fits 2 scripts (detect-cpu, detect-os)"),
            (("--tags=detect,os,_x",), "has no variation _x"),
            (("--tags=detect,os", "--scenario=Offline"), "--scenario: is not an option of this command"),
        ],
    )
    def test_a_mistake_is_named(self, cm: Cm, words: tuple[str, ...], expected: str) -> None:
        ended = cm("show", "script", *words)

        assert ended.code != 0
        assert expected in ended.output
        assert "Traceback" not in ended.output

    def test_every_script_can_be_shown(self, cm: Cm) -> None:
        for each in document(cm("find", "script", "--out=json"))["scripts"]:
            assert cm("show", "script", each["alias"]).code == 0

    def test_cminds_own_actions_still_work(self, cm: Cm) -> None:
        assert "Traceback" not in cm("load", "cache", "absent").output
        assert "Traceback" not in cm("load", "script", "absent").output
        assert cm("load", "script", "detect-os").code == 0

    def test_nothing_is_written(self, cm: Cm) -> None:
        cm("find", "script")
        cm("show", "script", "detect os")
        cm("find", "cache")

        assert not (cm.home / "mlperf-home").exists()


class TestCache:
    def test_an_empty_cache_is_no_error(self, cm: Cm) -> None:
        for action in ("find", "show"):
            assert "0 entries, 0 bytes" in cm(action, "cache").out
        assert "nothing to remove" in cm("rm", "cache", "-f").out

    def test_entries_are_listed(self, cm: Cm) -> None:
        path = Path(sample(cm)["new_env"]["CM_DATASET_SQUAD_VAL_PATH"])

        (entry,) = entries(cm)
        ended = cm("find", "cache", "--tags=sample-squad")

        assert path.is_relative_to(entry["path"])
        assert entry["size_bytes"] >= path.stat().st_size
        assert entry["reads"] == {"CM_SAMPLE_QUESTIONS": "'20'"}
        assert entry["made_ns"] <= entry["used_ns"]
        assert entry["key"][:12] in ended.out
        assert "1 entry, " in ended.out
        assert entries(cm, "--tags=sample-squad,_absent") == []

    def test_an_entry_is_shown_by_its_key(self, cm: Cm) -> None:
        sample(cm)
        sample(cm, questions=21)
        first, second = entries(cm)

        ended = cm("show", "cache", first["key"][:10])

        assert first["key"] in ended.out
        assert second["key"] not in ended.out
        assert "no key starts like this" in cm("show", "cache", "0123456789").output

    def test_a_damaged_entry_is_made_again_on_a_hit(self, cm: Cm) -> None:
        path = Path(sample(cm)["new_env"]["CM_DATASET_SQUAD_VAL_PATH"])
        content = path.read_bytes()
        path.write_bytes(content[:100])

        ended = cm.script(SAMPLE, "--questions=20")

        assert ended.code == 0
        assert "damaged and is made again" in ended.output
        assert path.read_bytes() == content
        assert sample(cm)["status"] == "cached"

    def test_verify_finds_changes_that_a_hit_misses(self, cm: Cm) -> None:
        path = Path(sample(cm)["new_env"]["CM_DATASET_SQUAD_VAL_PATH"])
        assert "every file has its hash" in cm("show", "cache", "--verify").out
        path.write_bytes(b"x" * path.stat().st_size)

        ended = cm("show", "cache", "--verify")

        assert ended.code != 0
        assert f"content/{path.name} does not have its recorded hash" in ended.out
        assert "damaged: " in ended.err + ended.out
        assert document(cm("show", "cache", "--verify", "--out=json"))["entries"][0]["damages"]

    def test_the_caches_folder_is_an_option_and_may_be_moved(self, cm: Cm, tmp_path: Path) -> None:
        made = sample(cm, f"--cache_dir={tmp_path / 'here'}")
        (tmp_path / "here").rename(tmp_path / "there")
        by_option = sample(cm, f"--cache_dir={tmp_path / 'there'}")
        by_variable = sample(cm, MLPERF_HOME_CACHE=str(tmp_path / "there"))

        assert made["status"] == "done"
        assert (by_option["status"], by_variable["status"]) == ("cached", "cached")
        assert Path(by_variable["new_env"]["CM_DATASET_SQUAD_VAL_PATH"]).is_relative_to(tmp_path / "there")
        assert entries(cm) == []
        assert len(entries(cm, f"--cache_dir={tmp_path / 'there'}")) == 1
        assert not (cm.home / "mlperf-home/cache").exists()

    def test_new_and_renew_make_an_entry_again(self, cm: Cm) -> None:
        assert [sample(cm, *words)["status"] for words in ((), (), ("--renew",), ("--new",), ())] == [
            "done",
            "cached",
            "done",
            "done",
            "cached",
        ]
        assert len(entries(cm)) == 1

    def test_renew_of_an_uncached_script_is_refused(self, cm: Cm) -> None:
        ended = cm.script("detect,os", "--renew")

        assert ended.code != 0
        assert "detect-os is not cached; renew its dependencies with --new" in ended.output


class TestRemoval:
    def test_without_a_terminal_entries_are_listed_and_kept(self, cm: Cm) -> None:
        sample(cm)

        ended = cm("rm", "cache")

        assert ended.code != 0
        assert "To be removed: 1 entry, " in ended.out
        assert "add -f" in ended.output
        assert sample(cm)["status"] == "cached"

    @pytest.mark.parametrize("action", ["rm", "delete"])
    def test_selected_entries_are_removed(self, cm: Cm, action: str) -> None:
        sample(cm)
        sample(cm, questions=21)
        first, second = entries(cm)

        ended = cm(action, "cache", first["key"][:12], "-f")

        assert ended.code == 0, ended.output
        assert [each["key"] for each in entries(cm)] == [second["key"]]
        assert cm("rm", "cache", "--tags=-sample-squad", "-f").code == 0
        assert len(entries(cm)) == 1
        assert document(cm("rm", "cache", "--tags=sample-squad", "-f", "--out=json"))["removed"] == [second["key"]]

    @pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
    def test_on_a_terminal_a_removal_asks_first(self, cm: Cm, answer: str, left: int) -> None:
        sample(cm)
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [str(cm.program), "rm", "cache"],
            env=cm.environment,
            cwd=cm.home,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            os.write(ours, answer.encode())
            printed = b""
            try:
                while chunk := os.read(ours, 4096):
                    printed += chunk
            except OSError:  # Linux reports the closed other side this way
                pass
        os.close(ours)

        assert b"Remove them? [y/N]" in printed
        assert process.returncode == (0 if left == 0 else 1)
        assert len(entries(cm)) == left

    def test_dependants_are_named_and_removed_only_on_request(self, cm: Cm, tmp_path: Path) -> None:
        archive = tmp_path / "archive.tar"
        (tmp_path / "file").write_text("text")
        with tarfile.open(archive, "w") as opened:
            opened.add(tmp_path / "file", "file")
        url = f"--url={archive.as_uri()}"
        first = cm.script("download-and-extract", url, "--env.CM_DOWNLOAD_RECORD=yes")
        assert first.code == 0, first.output

        kept = cm("rm", "cache", "--tags=download-file", "-f")
        (left,) = entries(cm)
        again = cm.script("download-and-extract", url, "--env.CM_DOWNLOAD_RECORD=yes")
        both = cm("rm", "cache", "--tags=download-file", "-f", "--dependants")

        assert "Made from these, and kept (--dependants removes them as well)" in kept.out
        assert left["title"] == "extract-file"
        assert again.code == 0
        assert "Removed: " in both.out
        assert "Made from these" not in both.out
        assert all(each["title"] != "download-file" for each in entries(cm))

    def test_unfinished_downloads_are_removed_by_partial(self, cm: Cm) -> None:
        sample(cm)
        partial = cm.home / "mlperf-home/cache/partial" / ("d" * 64)
        partial.mkdir(parents=True)
        (partial / "file.part").write_bytes(b"x" * 9000)

        listed = cm("find", "cache")
        removed = cm("rm", "cache", "--partial", "-f")

        assert "unfinished download" in listed.out
        assert removed.code == 0
        assert not partial.exists()
        assert sample(cm)["status"] == "cached"
        assert "without tags, key and --dependants" in cm("rm", "cache", "--partial", "--tags=a").output

    def test_runs_and_removals_at_once_do_no_harm(self, cm: Cm) -> None:
        cm("find", "cache")  # cmind's own index must be made by one process
        words = ("run", "script", f"--tags={SAMPLE}", "--questions=20", "--quiet", "--out=json")
        started = [
            cm.start(*command) for command in (words, ("rm", "cache", "-f"), words, ("rm", "cache", "-f"), words)
        ]
        ended = [(process.communicate(), process.returncode) for process in started]

        for (out, err), code in (ended[0], ended[2], ended[4]):
            assert code == 0, out + err
        for (out, err), code in (ended[1], ended[3]):
            assert code == 0 or "in use by a run" in out + err
            assert "Traceback" not in out + err
        assert all(
            each.get("damages") == [] for each in document(cm("show", "cache", "--verify", "--out=json"))["entries"]
        )
