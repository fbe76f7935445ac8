"""Steps written as `run.sh`: values go in as environment variables and come back through a file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from scriptgraph.errors import StepFailed
from scriptgraph.execution.outcomes import Done

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scriptgraph.execution.context import Context
    from scriptgraph.manifest.types import Value

# The program writes what it exports into the file that this variable names.
EXPORTS_VARIABLE = "CM_EXPORTS_FILE"
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")


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
            match = _LINE.fullmatch(line)
            if match is None:
                where = f"{program}: line {number} of what it wrote to ${EXPORTS_VARIABLE}"
                raise StepFailed(f"{where} is not KEY=value: {line!r}; write JSON for values of several lines")
            exports[match[1]] = match[2]
    return exports
