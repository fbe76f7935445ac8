"""A run that is killed while it downloads, extracts, installs or measures is whole when it is run again.

`.ci/long` kills 200 runs.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import signal
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faulty_server import FaultyServer, whole
from rounds import rounds

from mlperf_home.samples.bert import MODELS
from mlperf_home.samples.questions import write_sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cm_command import Cm

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")

SCRIPT = {"automation_alias": "script", "automation_uid": "5b4e0237da074764"}
# About as many lines as a run prints; the kill comes at one of them.
LINES = 60


@pytest.fixture(scope="module")
def archive() -> bytes:
    """Return an archive whose download and extraction take a moment."""
    raw, noise = io.BytesIO(), random.Random(0)  # noqa: S311 - filler
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for number in range(40):
            member = tarfile.TarInfo(f"data/{number}.bin")
            member.size = 50_000
            tar.addfile(member, io.BytesIO(noise.randbytes(member.size)))
    return raw.getvalue()


@pytest.fixture
def server(archive: bytes) -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        running.serve("/data.tar.gz", whole(archive))
        yield running


@pytest.fixture
def options(cm: Cm, tmp_path: Path, server: FaultyServer, archive: bytes) -> list[str]:
    """Register a script that needs everything, and return its command's options."""
    folder = tmp_path / "mine" / "script" / "everything"
    folder.mkdir(parents=True)
    (tmp_path / "mine" / "cmr.yaml").write_text("alias: mine\nuid: abcdabcdabcd1234\ngit: false\n")
    download = {"CM_DOWNLOAD_URL": server.url("/data.tar.gz"), "CM_DOWNLOAD_HASHES": _sha256(archive)}
    manifest: dict[str, Any] = {
        **SCRIPT, "alias": "everything", "uid": "dcbadcbadcba4321", "tags": ["everything"], "name": "everything",
        "deps": [
            {"tags": "download-and-extract", "env": download},
            {"tags": "install,python-venv", "env": {"CM_VENV_NAME": "trial"}},
        ],
        "post_deps": [{"tags": "run,mlperf,bert-99,deepsparse,_performance-only"}],
        "inputs": {
            name: {"env": key, "desc": name}
            for name, key in {
                "backend": "CM_MLPERF_BACKEND", "dataset_path": "CM_DATASET_PATH",
                "vocab_path": "CM_DATASET_VOCAB_PATH", "model_path": "CM_ML_MODEL_PATH",
                "results_dir": "CM_MLPERF_RESULTS_DIR",
                "execution_mode": "CM_MLPERF_EXECUTION_MODE", "test_query_count": "CM_MLPERF_TEST_QUERY_COUNT",
            }.items()
        },
        "new_env_keys": ["CM_EXTRACT_EXTRACTED_PATH", "CM_VENV_NAME"],
    }  # fmt: skip
    (folder / "_cm.json").write_text(json.dumps(manifest))
    assert cm("add", "repo", f"--path={tmp_path / 'mine'}").code == 0
    files = write_sample(tmp_path / "small", questions=20)
    return [
        f"--adr.workload-environment.environment={sys.executable}", "--backend=echo", "--execution_mode=test",
        "--test_query_count=40", f"--dataset_path={files.dataset}", f"--vocab_path={files.vocabulary}",
        f"--model_path={MODELS['dense']}", f"--results_dir={tmp_path / 'results'}",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", rounds(5, 200))
def test_a_killed_run_is_whole_when_it_is_run_again(
    cm: Cm, options: list[str], tmp_path: Path, archive: bytes, seed: int
) -> None:
    moment = random.Random(seed).randrange(1, LINES)  # noqa: S311 - a moment, no secret
    _start_and_kill(cm, options, moment)

    assert not _processes(str(tmp_path)), f"seed {seed}: a process of the killed run still lives"
    again = cm.script("everything", *options)

    assert again.code == 0, f"seed {seed}, killed at line {moment}: {again.output}"
    extracted = Path(json.loads(_record(cm).read_text())["exports"]["CM_EXTRACT_EXTRACTED_PATH"])
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            assert (extracted / member.name).read_bytes() == content.read()
    sessions = list((tmp_path / "results").rglob("performance-session.json"))
    assert len(sessions) == 1
    assert json.loads(sessions[0].read_text())["status"] == "complete"
    assert (cm.home / "mlperf-home/state/python-environments/trial/bin/python").exists()
    assert not list((cm.home / "mlperf-home/cache/making").iterdir())
    _assert_nothing_is_made_again(cm, options)


def _assert_nothing_is_made_again(cm: Cm, options: list[str]) -> None:
    assert cm.script("everything", *options).code == 0
    steps = json.loads(_record(cm).read_text())["steps"]
    assert {step["status"] for step in steps if step["cache_key"]} == {"cached"}


def _start_and_kill(cm: Cm, options: list[str], moment: int) -> None:
    process = cm.start("run", "script", "--tags=everything", *options)
    assert process.stderr is not None
    for number, _line in enumerate(process.stderr, start=1):
        if number == moment:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def _record(cm: Cm) -> Path:
    return max((cm.home / "mlperf-home" / "records").glob("*-everything-*/record.json"))


def _processes(word: str) -> list[str]:
    """Return the command lines that hold a word, of processes that do not end in time."""
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                if word in words and _lives(int(entry.name)):
                    lines.append(words)
            except OSError:
                continue
    return lines


def _lives(pid: int) -> bool:
    """Wait up to 20 s for a process to end; return whether it still lives."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        import select

        return not select.select([descriptor], [], [], 20)[0]
    finally:
        os.close(descriptor)


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
