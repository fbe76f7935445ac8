"""A first short run in an image: what the engine refuses is decoded, and done without where no result changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.container.refusals import REFUSALS, Refusal, explain
from scriptgraph.cli.container.settings import DONE_WITHOUT, HOME
from scriptgraph.errors import DocumentError, ScriptGraphError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.files.kernel_files import is_listed
from scriptgraph.process.programs import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scriptgraph.cli.container.settings import ContainerSettings

_INSIDE = ["python", "-m", "scriptgraph.cli.container.inside"]
_TIMEOUT_S = 600.0
_ANSWER = Limits(size=1 << 20, depth=3, values=20_000)
_MEMORY, _CPUSET = (next(each for each in REFUSALS if word in each.problem) for word in ("limit memory", "(cpuset)"))


class ContainerRefusedError(ScriptGraphError):
    """An engine cannot run a container; the text holds the reason and the remedy."""

    def __init__(self, program: str, problem: str, remedy: str, log: Path | None = None) -> None:
        super().__init__(program, problem, remedy)
        self.program, self.problem, self.remedy, self.log = program, problem, remedy, log

    def __str__(self) -> str:
        return f"{self.program}: {self.problem}; {self.remedy}"


def probed(
    settings: ContainerSettings, image: str, env: Mapping[str, str], log: Path, say: Callable[[str], None]
) -> ContainerSettings:
    """Return settings with which the engine runs a container of an image.

    Args:
        settings: how the command is to be run.
        image: the image, which has this package.
        env: the engine's environment.
        log: the log of the tries.
        say: called with a line about each setting that the container does without.

    Raises:
        ContainerRefusedError: the engine refuses what a result depends on, or something unknown.
    """
    while True:
        paths = [HOME, *map(str, settings.mounts)]
        lines: list[str] = []
        argv = settings.run_argv(image, [*_INSIDE, *paths])
        ended = run(argv, env=env, cwd=settings.home, log=log, on_line=lines.append, timeout_s=_TIMEOUT_S)
        if ended.ok:
            facts = _facts(lines, settings.engine.program, log)
            refusal = _unmet(settings, facts)
            if refusal is None:
                return settings
        else:
            refusal = explain("\n".join(ended.last_lines))
        if refusal is None:
            last = next((line for line in reversed(ended.last_lines) if line.strip()), "no output")
            problem = f"no container can be started (status {ended.exit_code}: {last})"
            raise ContainerRefusedError(settings.engine.program, problem, "see its log", log)
        settings = done_without(settings, refusal, log, say)


def _facts(lines: list[str], program: str, log: Path) -> Mapping[str, Any]:
    try:
        facts = parse_json(lines[-1] if lines else "", f"{program}: the answer of the container", _ANSWER)
        if isinstance(facts, dict) and all(
            isinstance(facts.get(key), list) for key in ("cpus", "readable", "writable")
        ):
            return facts
    except DocumentError:
        pass
    raise ContainerRefusedError(program, "the container does not answer", "see its log", log)


def _unmet(settings: ContainerSettings, facts: Mapping[str, Any]) -> Refusal | None:
    """Return what an engine ignored without an error; None if all is as wanted."""
    if settings.cpuset and not all(is_listed(cpu, settings.cpuset) for cpu in facts["cpus"]):
        return _CPUSET
    limit = facts.get("memory_bytes")
    if settings.memory_bytes and not (isinstance(limit, int) and limit <= settings.memory_bytes):
        return _MEMORY
    for path, inside in ((settings.home, HOME), *((each, str(each)) for each in settings.mounts)):
        for right, able in ((os.R_OK, "readable"), (os.W_OK, "writable")):
            if os.access(path, right) and inside not in facts[able]:
                return _closed(path, able, settings)
    return None


def _closed(path: Path, able: str, settings: ContainerSettings) -> Refusal:
    if settings.engine.selinux:
        remedy = f"label it for containers: chcon -R -t container_file_t {path}"
        return Refusal("", f"{path} is not {able} in a container, by SELinux's labels", remedy, ("labels",))
    remedy = "use a folder of your own on a local disk: the engine maps users, or its machine does not share this path"
    return Refusal("", f"{path} is not {able} in a container", remedy)


def done_without(
    settings: ContainerSettings, refusal: Refusal, log: Path, say: Callable[[str], None], *, building: bool = False
) -> ContainerSettings:
    """Return settings without what an engine refuses, for a run or for a build.

    Raises:
        ContainerRefusedError: nothing is left to do without.
    """
    program = settings.engine.program
    what = next((each for each in refusal.without if settings.can_do_without(each, building=building)), None)
    if what is None:
        raise ContainerRefusedError(program, refusal.problem, refusal.remedy, log)
    say(f"{program}: {refusal.problem}; it does without {DONE_WITHOUT[what]}. To change it: {refusal.remedy}")
    return settings.replaced(without=settings.without | {what})
