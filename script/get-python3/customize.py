"""Find a Python that fits, or let uv bring one."""

import os
from pathlib import Path

from scriptgraph.api import Context, Done, Outcome, StepFailed
from scriptgraph.errors import ScriptGraphError
from scriptgraph.python_env.environments import find_uv
from scriptgraph.python_env.interpreters import obtain_interpreter, parse_version, probe

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
    below = _after(exact) if exact else _below(context)
    given = _given(context)
    if given is not None:
        found = probe(given)
        if not found.fits(minimum, below):
            raise StepFailed(
                f"{given} is {found.implementation} {found.version_text}; {_wanted(context, minimum, below)}"
            )
    else:
        uv = find_uv()
        environ = {**os.environ, **uv.env}
        place = context.folders.state / "python"
        fetching = None if context.switches.offline else uv.path
        found = obtain_interpreter(minimum, below, fetching, place, environ, context.say)
    exports = {"CM_PYTHON_BIN_WITH_PATH": found.path, "CM_PYTHON_BIN": found.path.name}
    return Done(exports={**exports, "CM_PYTHON_VERSION": found.version_text})


def _below(context: Context) -> tuple[int, ...]:
    """Give the first version that is too new: the option's, or the one after the last that will do."""
    below = parse_version(context.text("CM_PYTHON_BELOW", _NEWEST))
    newest = context.text("CM_VERSION_MAX", "")
    return min(below, _after(newest)) if newest else below


def _after(version: str) -> tuple[int, ...]:
    """Give the first version after this one; 3.11 stands for all of 3.11.*."""
    parts = parse_version(version)
    return (*parts[:-1], parts[-1] + 1)


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
