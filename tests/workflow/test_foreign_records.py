"""A record from elsewhere runs nothing of its sender's choice unless the user answers for it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import ScriptFolders

from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.embed import Engine

if TYPE_CHECKING:
    from collections.abc import Callable

    Replay = Callable[..., dict[str, Any]]

OWN_SCRIPTS = Path(__file__).parents[2] / "script"
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (openssh-client)")


def plan_step(alias: str, **changes: Any) -> dict[str, Any]:
    manifest = OWN_SCRIPTS / alias / "_cm.json"
    uid = json.loads(manifest.read_text())["uid"] if manifest.is_file() else "0" * 16
    step = {"title": alias, "alias": alias, "uid": uid, "version": "", "manifest": "0" * 64, "env": {}}
    return {**step, **changes}


@pytest.fixture
def stranger(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a stranger's record of a script, with these parts of its request."""

    def write(alias: str, plan: list[dict[str, Any]] | None = None, **request: Any) -> Path:
        document = {
            "schema": PRODUCT.schema("record"), "plan_fingerprint": "0" * 64, "status": "done",
            "request": {"tags": alias, **request}, "plan": [plan_step(alias)] if plan is None else plan,
            "steps": [], "host": {}, "exports": {},
        }  # fmt: skip
        path = tmp_path / "downloaded" / "record.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    def run(record: Path, **options: Any) -> dict[str, Any]:
        typed = {"cmd": ["replay", "script"], "out": "con", "home": str(tmp_path / "home"), "record": str(record)}
        return ENGINE.replay_script({**typed, "quiet": True, **options})

    return run


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """Return a program that leaves a mark when it runs."""
    program = tmp_path / "evil" / "python"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "own" / "folder"
    made.mkdir(parents=True)
    (made / "file").write_text("content")
    return made


def test_a_program_of_a_record_does_not_run(
    stranger: Callable[..., Path], replay: Replay, evil: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = stranger("get-python3", inputs={"path": str(evil)})

    answer = replay(record)

    assert answer["return"] == 1
    assert "\n" not in answer["error"]
    assert "would run get-python3 with 1 program" in answer["error"]
    assert "--trust" in answer["error"]
    assert "--allowed_signers" in answer["error"]
    assert f"program  --path={evil}" in capsys.readouterr().out
    assert not (tmp_path / "mark").exists()
    assert not (tmp_path / "home" / "records").exists()


def test_a_preview_of_a_record_runs_no_program_either(
    stranger: Callable[..., Path], replay: Replay, evil: Path, tmp_path: Path
) -> None:
    record = stranger("get-python3", inputs={"path": str(evil)})

    for option in ({"plan": True}, {"explain": "CM_PYTHON_PATH"}, {"prefetch": True}):
        assert "--trust" in replay(record, **option)["error"]

    assert not (tmp_path / "mark").exists()


def test_trust_runs_the_program(stranger: Callable[..., Path], replay: Replay, evil: Path, tmp_path: Path) -> None:
    replay(stranger("get-python3", inputs={"path": str(evil)}), trust=True)

    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("named", ["{own}/precious", "../precious", "{own}/sub/../precious", "~/precious", "/", ".."])
def test_an_output_stays_below_the_replays_folder(
    stranger: Callable[..., Path], replay: Replay, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    named: str,
) -> None:  # fmt: skip
    precious = folder.parent / "precious"
    precious.write_text("precious")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder.parent))
    record = stranger("tar-my-folder", inputs={"input_dir": str(folder), "outfile": named.format(own=folder.parent)})

    answer = replay(record, trust=True)

    assert answer["return"] == 0, answer
    assert Path(answer["new_env"]["CM_TAR_OUTFILE"]).is_relative_to(tmp_path / "home" / "replays")
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("option", [{"env": {"CM_TAR_OUTFILE": "OWN"}}, {"inputs": {"out-file": "OWN"}}, {}])
def test_no_other_spelling_of_an_output_gets_out(
    stranger: Callable[..., Path], replay: Replay, folder: Path, tmp_path: Path, option: dict[str, dict[str, str]]
) -> None:
    own = folder.with_name("folder.tar.gz")
    own.write_text("precious")
    request = {part: {key: str(own) for key in values} for part, values in option.items()}
    record = stranger("tar-my-folder", **{**request, "inputs": {"input_dir": str(folder), **request.get("inputs", {})}})

    replay(record, trust=True)

    assert own.read_text() == "precious"
    assert sorted(each.name for each in folder.parent.iterdir()) == ["folder", "folder.tar.gz"]


def test_a_typed_output_is_the_users_own(
    stranger: Callable[..., Path], replay: Replay, folder: Path, tmp_path: Path
) -> None:
    record = stranger("tar-my-folder", inputs={"input_dir": str(folder), "outfile": "/nowhere/x"})

    answer = replay(record, trust=True, outfile=str(tmp_path / "mine.tar.gz"))

    assert answer["return"] == 0, answer
    assert (tmp_path / "mine.tar.gz").is_file()


def test_results_of_the_home_are_not_touched(stranger: Callable[..., Path], replay: Replay, tmp_path: Path) -> None:
    own = tmp_path / "home/experiments/mine"
    own.mkdir(parents=True)
    table = tmp_path / "table.csv"
    columns = (
        "version,Division,Organization,Platform,SystemName,host_processor_model_name,host_processors_per_node,"
        "host_processor_core_count,framework,MlperfModel,Model,Scenario,Accuracy,Result,Result_Units"
    )
    row = "v3.1,open,Org,box,Box,CPU,1,16,DeepSparse,bert-99,bert-99,Offline,90.9,10.0,Samples/s"
    table.write_text(f"{columns}\n{row}\n")
    record = stranger("import-mlperf-results", inputs={"input": str(table), "experiment_name": "mine"})

    replay(record, trust=True)

    assert list(own.iterdir()) == []
    assert len(list((tmp_path / "home/replays").glob("*/experiments/mine"))) == 1


@pytest.mark.parametrize(
    ("alias", "request_", "shown"),
    [
        ("download-file", {"inputs": {"url": "https://evil.example/x"}}, "address  --url=https://evil.example/x"),
        ("get-git-repo", {"inputs": {"url": "https://evil.example/x.git"}}, "repository  --url=https://evil.example"),
        ("get-git-repo", {"tags": "get-git-repo,_repo.https://evil.example/x"}, "repository  _repo.https://evil.exa"),
        ("get-generic-python-lib", {"tags": "get-generic-python-lib,_package.evil"}, "program      _package.evil"),
        ("app-mlperf-inference", {"env": {"CM_RUN_PREFIX": "/evil"}}, "program  --env.CM_RUN_PREFIX=/evil"),
        ("app-mlperf-inference", {"adr": {"python": {"path": "/evil"}}}, "program  --adr.python.path=/evil"),
        ("detect-os", {"env": {"LD_PRELOAD": "/evil.so"}}, "program  --env.LD_PRELOAD=/evil.so"),
        ("detect-os", {"env": {"PYTHONPATH": "/evil"}}, "program  --env.PYTHONPATH=/evil"),
    ],
)
def test_what_a_value_names_is_shown(
    stranger: Callable[..., Path], replay: Replay, capsys: pytest.CaptureFixture[str], alias: str,
    request_: dict[str, Any], shown: str,
) -> None:  # fmt: skip
    answer = replay(stranger(alias, **request_))

    assert "--trust" in answer["error"]
    assert " ".join(shown.split()) in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("key", ["LD_PRELOAD", "PATH", "PYTHONPATH", "BASH_ENV"])
def test_a_key_that_no_script_reads_is_refused(stranger: Callable[..., Path], replay: Replay, key: str) -> None:
    answer = replay(stranger("detect-os", env={key: "/evil"}), trust=True)

    assert f"--env.{key}: no script of the plan reads it" in answer["error"]


def test_names_with_control_characters_are_shown_escaped(
    stranger: Callable[..., Path], replay: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    replay(stranger("get-python3", inputs={"path": "/a\x1b[2J\x1b[H", "why": "x\n  script  harmless"}))

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\n  script  harmless" not in out


class TestOwnRecords:
    @pytest.fixture
    def own(self, tmp_path: Path) -> Path:
        typed = {"cmd": ["run", "script"], "out": "con", "quiet": True, "home": str(tmp_path / "home")}
        return Path(ENGINE.run_script({**typed, "tags": "detect-os"})["record"])

    def test_an_own_record_needs_no_trust(self, own: Path, replay: Replay) -> None:
        assert replay(own)["return"] == 0

    def test_a_copy_of_an_own_record_is_an_own_one(self, own: Path, replay: Replay, tmp_path: Path) -> None:
        shutil.copyfile(own, tmp_path / "copy.json")

        assert replay(tmp_path / "copy.json")["return"] == 0

    def test_an_edited_record_counts_as_anothers(self, own: Path, replay: Replay) -> None:
        own.write_text(own.read_text() + "\n")

        assert "was edited" in replay(own)["error"]
        assert replay(own, trust=True)["return"] == 0

    def test_a_failed_run_leaves_an_own_record(self, tmp_path: Path, replay: Replay) -> None:
        typed = {"cmd": ["run", "script"], "out": "con", "quiet": True, "home": str(tmp_path / "home")}
        ENGINE.run_script({**typed, "tags": "tar-my-folder", "input_dir": str(tmp_path / "absent")})
        (record,) = (tmp_path / "home" / "records").glob("*/record.json")

        assert "nothing is there" in replay(record)["error"]

    def test_another_homes_record_counts_as_anothers(self, own: Path, replay: Replay, tmp_path: Path) -> None:
        assert "--trust" in replay(own, home=str(tmp_path / "other"))["error"]


@needs_ssh
class TestSignatures:
    @pytest.fixture
    def signed(self, stranger: Callable[..., Path], tmp_path: Path) -> Path:
        record = stranger("detect-os")
        for name in ("own", "other"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
            key = (tmp_path / name).with_suffix(".pub").read_text()
            (tmp_path / f"{name}-signers").write_text(f"ada@example.org {key}")
        sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", PRODUCT.name, "-f", tmp_path / "own", record]
        subprocess.run(sign, check=True)
        return record

    def test_a_listed_signer_is_enough(self, signed: Path, replay: Replay, tmp_path: Path) -> None:
        assert replay(signed, allowed_signers=str(tmp_path / "own-signers"))["return"] == 0

    def test_another_signer_is_refused(self, signed: Path, replay: Replay, tmp_path: Path) -> None:
        error = replay(signed, allowed_signers=str(tmp_path / "other-signers"))["error"]

        assert "not on the list of allowed signers" in error

    def test_a_signature_of_other_content_is_refused(self, signed: Path, replay: Replay, tmp_path: Path) -> None:
        signed.write_text(signed.read_text().replace('"status": "done"', '"status": "failed"'))

        assert "record.json.sig" in replay(signed, allowed_signers=str(tmp_path / "own-signers"))["error"]

    def test_a_bad_signature_is_refused_with_trust_too(self, signed: Path, replay: Replay, tmp_path: Path) -> None:
        signed.with_name("record.json.sig").write_text("nonsense")

        error = replay(signed, trust=True, allowed_signers=str(tmp_path / "own-signers"))["error"]

        assert "record.json.sig" in error

    def test_a_signature_without_a_list_is_not_enough(self, signed: Path, replay: Replay) -> None:
        assert "--allowed_signers" in replay(signed)["error"]

    def test_a_list_without_a_signature_is_not_enough(self, signed: Path, replay: Replay, tmp_path: Path) -> None:
        signed.with_name("record.json.sig").unlink()

        assert "--trust" in replay(signed, allowed_signers=str(tmp_path / "own-signers"))["error"]

    def test_a_missing_list_is_named(self, signed: Path, replay: Replay, tmp_path: Path) -> None:
        assert "there is no such file" in replay(signed, allowed_signers=str(tmp_path / "none"))["error"]


class TestScripts:
    """A record selects shipped scripts, and those of the user's that it names by uid."""

    @pytest.fixture
    def mine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptFolders:
        shipped, mine = ScriptFolders(tmp_path / "shipped"), ScriptFolders(tmp_path / "mine")
        monkeypatch.setattr(Engine, "repository", shipped.root)
        monkeypatch.setattr(ENGINE, "_more", (mine.root,))
        monkeypatch.setenv("CM_CORE_SKIP_INTERNAL_REPOS", "yes")
        shipped.add("calls", "", deps=[{"tags": "common"}])
        shipped.add("common-shipped", "", tags=["common"])
        mine.add("private", f"def preprocess(context: Context) -> Done:\n    open({str(tmp_path / 'mark')!r}, 'w')\n")
        return mine

    def test_a_private_script_is_out_of_reach(
        self, mine: ScriptFolders, stranger: Callable[..., Path], replay: Replay
    ) -> None:
        error = replay(stranger("private"), trust=True)["error"]

        assert f"select {mine.root}/script/private here, which is not the script of the record" in error

    def test_a_script_named_by_uid_is_run(
        self, mine: ScriptFolders, stranger: Callable[..., Path], replay: Replay, tmp_path: Path
    ) -> None:
        uid = json.loads((mine.root / "script/private/_cm.json").read_text())["uid"]

        replay(stranger("private", plan=[plan_step("private", uid=uid)]), trust=True)

        assert (tmp_path / "mark").exists()

    def test_a_private_script_cannot_replace_a_shipped_one(
        self, mine: ScriptFolders, stranger: Callable[..., Path], replay: Replay
    ) -> None:
        mine.add("common-mine", "def preprocess(context: Context) -> Done:\n    raise ValueError\n", tags=["common"])
        uid = json.loads((mine.root.parent / "shipped/script/calls/_cm.json").read_text())["uid"]

        answer = replay(stranger("calls", plan=[plan_step("calls", uid=uid)]), trust=True)

        assert answer["return"] == 0, answer

    def test_another_script_under_the_same_tags_is_refused(
        self, mine: ScriptFolders, stranger: Callable[..., Path], replay: Replay
    ) -> None:
        error = replay(stranger("calls", plan=[plan_step("calls", uid="f" * 16)]), trust=True)["error"]

        assert "which is not the script of the record" in error

    def test_an_unmarked_path_counts_as_an_output(
        self, mine: ScriptFolders, stranger: Callable[..., Path], replay: Replay, tmp_path: Path
    ) -> None:
        body = 'def preprocess(context: Context) -> Done:\n    return Done({"CM_PUT": context.text("CM_PLACE")})\n'
        inputs = {"place": {"env": "CM_PLACE", "type": "path"}}
        mine.add("unmarked", body, inputs=inputs, new_env_keys=["CM_PUT"])
        uid = json.loads((mine.root / "script/unmarked/_cm.json").read_text())["uid"]
        record = stranger("unmarked", plan=[plan_step("unmarked", uid=uid)], inputs={"place": "/etc/passwd"})

        put = Path(replay(record, trust=True)["new_env"]["CM_PUT"])

        assert put.is_relative_to(tmp_path / "home" / "replays")
        assert put.name == "passwd"
