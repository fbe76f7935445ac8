"""A command line is completed word by word."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mlperf_home.command_line import commands
from scriptgraph.cli.commands.completion import SHELLS, Completion, Lookups, shell_function
from scriptgraph.cli.commands.table import Option
from scriptgraph.errors import AmbiguousScriptError, RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scriptgraph.cli.commands.help import Groups


def options(tags: str) -> Groups:
    if tags == "run":
        raise AmbiguousScriptError(tags, ["a", "b"])
    return [("Own", [Option("scenario", "text", "how", choices=("Offline", "Server"))])]


def tags(chosen: Sequence[str]) -> list[str]:
    return ["run", "bert", "bert-99"] if set(chosen) <= {"run", "bert"} else []


LOOKUPS = Lookups(tags, lambda _tags: ["_sample", "_fast"], options, lambda automation: [f"my-{automation}"])
COMPLETION = Completion(commands(), LOOKUPS)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cm r", ["replay", "rm", "run"]),
        ("cm replay ", ["challenge", "experiment", "script"]),
        ("cm ls c", ["cache", "challenge"]),
        ("cm show cache --ver", ["--verify"]),
        ("cm show result --mo", ["--model="]),
        ("cm show cache --out=", ["--out=console", "--out=json"]),
        ("cm run script --en", ["--env."]),
        ("cm run script --mir", ["--mirrors="]),
        ("cmr --pl", ["--plan"]),
        ("cmr --plan --pl", []),
        ("cm run script --tags=b", ["--tags=bert", "--tags=bert-99"]),
        ("cm run script --tags=run,b", ["--tags=run,bert", "--tags=run,bert-99"]),
        ("cm run script --tags=run,_s", ["--tags=run,_sample"]),
        ("cm run script --tags=bert --sc", ["--scenario="]),
        ("cm run script --tags=bert --scenario=O", ["--scenario=Offline"]),
        ("cm run script --tags=run --sc", []),
        ("cm run challenge ", ["my-challenge"]),
        ("cm run experiment x -- cm show cache --ver", ["--verify"]),
        ("cm completion script ", ["bash", "zsh"]),
        ("cm add repo ", []),
        ("cm", ["add", "completion", "convert", "docker", "find", "podman", "replay", "rm", "run", "show"]),
        ("", ["add", "completion", "convert", "docker", "find", "podman", "replay", "rm", "run", "show"]),
        ("cm run script 'open --pl", ["--plan"]),
    ],
)
def test_the_last_word_of_a_line_is_completed(line: str, words: list[str]) -> None:
    assert COMPLETION.complete(line) == words


def test_another_shell_is_refused() -> None:
    with pytest.raises(RequestError, match="which shell"):
        shell_function("fish", "ours")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_can_read_its_function(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "text").write_text(shell_function(shell, "ours"))

    assert subprocess.run([shell, "-n", str(tmp_path / "text")], check=False).returncode == 0


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "words", "reply"),
    [
        ("cm show cache --ver", ["cm", "show", "cache", "--ver"], "--verify"),
        ("cm show cache --out=j", ["cm", "show", "cache", "--out", "=", "j"], "json"),
        ("cm show cache --out=", ["cm", "show", "cache", "--out", "="], "console json"),
        ("ours show cache --ver", ["ours", "show", "cache", "--ver"], "--verify"),
        ("cmr --tags=run,bert-", ["cmr", "--tags", "=", "run,bert-"], "run,bert-99"),
        ("cm run script --tags=run,bert-", ["cm", "run", "script", "--tags", "=", "run,bert-"], "run,bert-99"),
    ],
)
def test_bash_gets_only_the_part_that_it_replaces(line: str, words: list[str], reply: str, tmp_path: Path) -> None:
    """bash splits words at "=" and replaces only the last part by the reply."""
    answers = COMPLETION.complete(line)
    program = [
        shell_function("bash", "ours"),
        f"{'ours' if line.startswith('ours') else 'cm'}() {{ printf '%s\\n' {' '.join(answers)}; }}",
        "compopt() { :; }",
        f"COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1}",
        '_cm_complete; echo "${COMPREPLY[*]}"',
    ]

    ended = subprocess.run(["bash", "-c", "\n".join(program)], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert ended.stdout.strip() == reply
