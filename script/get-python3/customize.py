"""Find a Python that fits, or let uv bring one."""

import os
from pathlib import Path

from scriptgraph.api import Context, Done, Outcome, StepFailed
from scriptgraph.errors import ScriptGraphError
from scriptgraph.python_env.environments import find_uv
from scriptgraph.python_env.interpreters import (
    NoPythonError,
    bring_interpreter,
    find_interpreter,
    parse_version,
    probe,
)

_NEWEST = "3.99"


def verify(context: Context) -> bool:
    """Look whether the Python found earlier still runs and is still that version."""
    try:
        return probe(Path(context.text("CM_PYTHON_BIN_WITH_PATH"))).version_text == context.text("CM_PYTHON_VERSION")
    except ScriptGraphError:
        return False


def preprocess(context: Context) -> Outcome:
    """Take the named or given Python if it fits, else the newest on the machine, else one that uv brings."""
    exact = context.text("CM_VERSION", "")
    minimum = parse_version(exact or context.text("CM_VERSION_MIN", "3.10"))
    below = (*minimum[:-1], minimum[-1] + 1) if exact else parse_version(context.text("CM_PYTHON_BELOW", _NEWEST))
    given = _given(context)
    if given is not None:
        found = probe(given)
        if not found.fits(minimum, below):
            raise StepFailed(
                f"{given} is {found.implementation} {found.version_text}; {_wanted(context, minimum, below)}"
            )
    else:
        try:
            found = find_interpreter(minimum, below)
        except NoPythonError as error:
            if context.switches.offline:
                raise
            context.say(f"{error}; asking uv for one")
            uv = find_uv()
            found = bring_interpreter(
                uv.path, minimum, below, context.folders.state / "python", {**os.environ, **uv.env}
            )
    exports = {"CM_PYTHON_BIN_WITH_PATH": found.path, "CM_PYTHON_BIN": found.path.name}
    return Done(exports={**exports, "CM_PYTHON_VERSION": found.version_text})


def _wanted(context: Context, minimum: tuple[int, ...], below: tuple[int, ...]) -> str:
    why = context.text("CM_PYTHON_WHY", "")
    low, high = (".".join(map(str, each)) for each in (minimum, below))
    return f"wanted is CPython from {low} to below {high}" + (f", for {why}" if why else "")


def _given(context: Context) -> Path | None:
    path = context.path("CM_PYTHON_PATH")
    name = context.text("CM_PYTHON_NAME", "")
    if path is not None or not name:
        return path
    python = context.folders.state / "python-environments" / name / "bin" / "python"
    if not python.exists():
        raise StepFailed(
            f'there is no environment {name!r}; make it by cm run script "install python-venv" --name={name}'
        )
    return python
