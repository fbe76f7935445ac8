"""The commands of mlperf-home for programs in Python: nothing is printed, and an error is an exception."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.actions import answer
from scriptgraph.embed import ARTIFACTS
from scriptgraph.errors import ScriptGraphError
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.embed import FoundArtifact, Values

__all__ = ["CommandError", "FinishedRun", "call", "find", "plan", "run"]


class CommandError(ScriptGraphError):
    """A command failed; its text is what `cm` prints.

    Attributes:
        answer: the command's answer.
    """

    def __init__(self, failed: Mapping[str, Any]) -> None:
        super().__init__(str(failed["error"]))
        self.answer = dict(failed)


class FinishedRun(Immutable):
    """A run that has succeeded.

    Attributes:
        exports: the keys that the script exports, with their values.
        record: the path of its record.
        status: "done", "cached" or "skipped".
        tables: the tables that `cm` shows.
        warnings: the warnings that `cm` shows.
    """

    exports: Values
    record: Path
    status: str
    tables: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]


def run(tags: str, options: Mapping[str, Any] | None = None, /, **more: Any) -> FinishedRun:
    """Run a script after its dependencies, as `cm run script --tags=TAGS` does.

    Args:
        tags: the script's tags and variations, with commas or spaces.
        options: options by name: those of the script and those of the command, such as `env`, `adr` and `home`.
        more: the same.

    Raises:
        CommandError: an option is wrong, or a step failed.
    """
    found = call("run", "script", {"tags": tags, **(options or {}), **more})
    return FinishedRun(
        found["new_env"], Path(found["record"]), found["status"], tuple(found["tables"]), tuple(found["warnings"])
    )


def plan(tags: str, options: Mapping[str, Any] | None = None, /, **more: Any) -> dict[str, Any]:
    """Return the plan of a run, as `--plan --out=json` prints it; nothing runs.

    Raises:
        CommandError: an option is wrong, or no script has the tags.
    """
    return dict(call("run", "script", {"tags": tags, **(options or {}), **more, "plan": True})["plan"])


def find(automation: str, tags: str = "") -> list[FoundArtifact]:
    """Return the scripts, cache entries, experiments or challenges with all tags, each with `path` and `meta`.

    Raises:
        CommandError: there are none of scripts or challenges.
    """
    return list(call("find", automation, {"tags": tags} if tags else {})[ARTIFACTS])


def call(action: str, automation: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of any command of docs/commands.md: `cm ACTION AUTOMATION`.

    Raises:
        CommandError: the command failed.
    """
    typed = {"action": action, "automation": automation, **command}
    answered = answer(action, automation, {name: value for name, value in typed.items() if value is not None})
    if answered["return"]:
        raise CommandError(answered)
    return answered
