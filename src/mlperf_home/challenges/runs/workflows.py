"""Run a challenge's workflows, one after another: what is done is not done again, what fails is named."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.manifest import PLACEHOLDER
from mlperf_home.challenges.definition.work import DONE, FAILED, INTERRUPTED, Ending, keep_record, now_utc, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Call, Workflow
    from mlperf_home.challenges.definition.work import Work

    RunScript = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_INTERRUPTED_CODE = 130


@dataclass(frozen=True)
class Runner:
    """How commands are run.

    Attributes:
        run_script: does what `cm run script` does with such a dictionary.
        home: the folder of cache and records.
        front: options of every command (quiet, offline, ...), by name.
        values: what placeholders stand for.
    """

    run_script: RunScript
    home: Path
    front: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def command(self, call: Call, places: Mapping[str, Any]) -> dict[str, Any]:
        """Give a command as cmind hands it over; an option whose placeholder was not given is left out."""
        options, env = (_filled(block, {**self.values, **places}) for block in (call.options, call.env))
        words = [f"--tags={call.tags}", *_words("--", options), *_words("--env.", env)]
        given: dict[str, Any] = {"tags": call.tags, "out": "con", "cmd": words, **options, **self.front}
        return {**given, "env": env} if env else given

    def __call__(self, call: Call, places: Mapping[str, Any]) -> tuple[str, Path | None]:
        """Run a command; give what went wrong ("" if nothing), and its record.

        Raises:
            KeyboardInterrupt: it was interrupted.
        """
        before = self._records()
        told = self.run_script(self.command(call, places))
        if told.get("return") == _INTERRUPTED_CODE:
            raise KeyboardInterrupt
        new = [path for path in sorted(self._records() - before) if _tags_of(path) == call.tags]
        error = str(told.get("error") or "") or (f"ended with {told['return']}" if told.get("return") else "")
        return error, new[-1] if new else None

    def _records(self) -> set[Path]:
        return set((self.home / "records").glob("*/record.json"))


def run_workflows(
    work: Work, workflows: Sequence[Workflow], runner: Runner, say: Callable[[str], None]
) -> dict[str, str]:
    """Run those that are not done; give those that failed, by name, with what went wrong.

    Raises:
        KeyboardInterrupt: one was interrupted; those before it are kept.
    """
    failed: dict[str, str] = {}
    for number, workflow in enumerate(workflows, 1):
        title = f"workflow {number} of {len(workflows)}, {workflow.name}"
        if work.is_done(workflow.name):
            say(f"{title}: done already")
            continue
        say(f"{title}: {workflow.title}")
        if error := _run_one(work, workflow, runner):
            failed[workflow.name] = error
            say(f"{title}: FAILED: {error}; the others go on, and the same command tries it again")
    return failed


def _run_one(work: Work, workflow: Workflow, runner: Runner) -> str:
    started = now_utc()
    error, record, status = "interrupted", None, INTERRUPTED
    places = places_of(work.root, workflow.name, work.asked.hw_name)
    try:
        error, record = runner(workflow.mode(sample=work.asked.sample).call, places)
        status = FAILED if error else DONE
    finally:
        keep_record(work, workflow.name, record)
        work.ended(workflow.name, Ending(status, error, started, now_utc(), work.measurements(workflow.name)))
    return error


def shown(command: Mapping[str, Any]) -> str:
    """Write a command as it is typed."""
    return shlex.join(["cm", "run", "script", *command["cmd"]])


def _filled(block: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    filled = {}
    for name, value in block.items():
        stands_for = PLACEHOLDER.match(value) if isinstance(value, str) else None
        given = values.get(stands_for.group(1)) if stands_for else value
        if given not in {None, ""}:
            filled[name] = given
    return filled


def _words(before: str, values: Mapping[str, Any]) -> list[str]:
    spelled = {True: "yes", False: "no"}
    return [f"{before}{name}={spelled[value] if isinstance(value, bool) else value}" for name, value in values.items()]


def _tags_of(record: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(record.read_text(encoding="utf-8"))["request"]["tags"])
    return ""
