"""Call a script's code, and check what it hands back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from scriptgraph.errors import OF_THE_MACHINE, StepFailed, UndeclaredError
from scriptgraph.execution.loader import PROGRAM_NAME, load_customize
from scriptgraph.execution.outcomes import Done, Outcome, Run, Skip, exports_as_values
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning.resolver import exports_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scriptgraph.execution.context import Context
    from scriptgraph.execution.record import StepRecord
    from scriptgraph.manifest.types import Value, Values
    from scriptgraph.planning.plan import Step

# A program writes what it exports into the file that this variable names.
EXPORTS_VARIABLE = "CM_EXPORTS_FILE"


def work(step: Step, context: Context, entry: StepRecord) -> Values:
    """Do a step's own work, and note it in its record.

    Returns:
        What leaves the step: what it reads and lets out, and over that what its code exports.

    Raises:
        ScriptGraphError: it failed, or exports what its manifest does not list.
    """
    try:
        outcome = _call(step, context)
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        what = error.filename or f"a file of {step.manifest.alias}"
        raise StepFailed(f"{what}: {error.strerror}; see to it and run again") from error
    finally:
        entry.commands = [
            {"argv": list(each.argv), "exit_code": each.exit_code, "signal": each.signal,
             "start_ns": each.start_ns, "end_ns": each.end_ns}
            for each in context.commands
        ]  # fmt: skip
    entry.status = "skipped" if isinstance(outcome, Skip) else "done"
    entry.reason = outcome.reason if isinstance(outcome, Skip) else None
    alias, allowed = step.manifest.alias, exports_of(step)
    for key in outcome.exports:
        if not matches_any(key, allowed):
            raise UndeclaredError(f"{alias} exports {key}, which its manifest does not list; add it to new_env_keys")
    try:
        exports = exports_as_values(outcome.exports)
    except TypeError as error:
        raise StepFailed(f"{alias} exports {error}") from None
    return {**context.passed(allowed), **exports}


def _call(step: Step, context: Context) -> Done | Skip:
    module = load_customize(step.manifest)
    preprocess: Callable[[Context], Outcome] = getattr(module, "preprocess", lambda _context: Done())
    postprocess: Callable[[Context], Outcome] = getattr(module, "postprocess", lambda _context: Done())
    outcome, hook = preprocess(context), "preprocess"
    program = step.manifest.folder / PROGRAM_NAME
    if program.is_file() and isinstance(outcome, Run):
        raise StepFailed(f"{program}: stands beside a preprocess that returns Run(...); keep one of the two")
    if program.is_file() and isinstance(outcome, Done):
        outcome = run_program(program, context, outcome)
        after = postprocess(context)
        if isinstance(after, Done):
            after = Done({**outcome.exports, **after.exports})
        outcome, hook = after, "postprocess"
    elif isinstance(outcome, Run):
        context.command(outcome.argv, env=outcome.env, cwd=outcome.cwd)
        outcome, hook = postprocess(context), "postprocess"
    if not isinstance(outcome, Done | Skip):
        place = step.manifest.folder / "customize.py"
        raise StepFailed(f"{place}: {hook} returned {outcome!r} instead of Done(...) or Skip(...)")
    return outcome


def run_program(program: Path, context: Context, before: Done) -> Done:
    """Run a step's `run.sh` by bash in the step's folder.

    It sees every key that the manifest declares and that is set, and what `preprocess` exported, as text. No value ever
    becomes part of a command.

    Raises:
        ScriptGraphError: it failed, or what it exports cannot be read.
    """
    file = context.folders.log.parent / f"{context.folders.log.stem}.exports"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("", encoding="utf-8")
    try:
        values = {**context.declared(), **{key: str(value) for key, value in before.exports.items()}}
        if broken := [key for key, value in values.items() if "\0" in value]:
            raise StepFailed(f"{broken[0]}: holds a NUL byte, which no environment variable can; give another value")
        context.command(["bash", str(program)], env={**values, EXPORTS_VARIABLE: str(file)})
        return Done({**before.exports, **_exports(file, program)})
    finally:
        file.unlink(missing_ok=True)


def _exports(file: Path, program: Path) -> Mapping[str, Value]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StepFailed(f"{program}: what it wrote to ${EXPORTS_VARIABLE} cannot be read ({error})") from error
    if text.lstrip().startswith("{"):
        try:
            found: dict[str, Value] = json.loads(text)
        except ValueError as error:
            raise StepFailed(f"{program}: wrote no JSON to ${EXPORTS_VARIABLE} ({error})") from error
        return found
    exports: dict[str, Value] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line:
            match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", line)
            if match is None:
                where = f"{program}: line {number} of what it wrote to ${EXPORTS_VARIABLE}"
                raise StepFailed(f"{where} is not KEY=value: {line!r}; write JSON for values of several lines")
            exports[match[1]] = match[2]
    return exports
