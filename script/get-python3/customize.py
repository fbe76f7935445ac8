"""Find a Python that fits, or let uv bring one."""

import os
from pathlib import Path

from scriptgraph import api
from scriptgraph.api import Context, Done, Download, Outcome, ScriptGraphError, StepFailed


def verify(context: Context) -> bool:
    """Look whether the Python found earlier still runs and is still that version."""
    try:
        return api.probe(Path(context.text("CM_PYTHON_BIN_WITH_PATH"))).version_text == context.text(
            "CM_PYTHON_VERSION"
        )
    except ScriptGraphError:
        return False


def downloads(context: Context) -> list[Download]:
    """Tell of the Python that uv would bring, where none that fits is here."""
    if _given(context) is not None:
        return []
    try:
        api.find_interpreter(*_range(context))
    except api.NoPythonError:
        return [Download("a CPython (python-build-standalone)")]
    return []


def preprocess(context: Context) -> Outcome:
    """Take the named or given Python if it fits, else the newest on the machine, else one that uv brings."""
    minimum, below = _range(context)
    given = _given(context)
    if given is not None:
        found = api.probe(given)
        if not found.fits(minimum, below):
            raise StepFailed(
                f"{given} is {found.implementation} {found.version_text}; {_wanted(context, minimum, below)}"
            )
    else:
        uv = api.find_uv()
        environ = {**os.environ, **uv.env}
        place = context.folders.state / "python"
        fetching = None if context.switches.offline else uv.path
        found = api.obtain_interpreter(minimum, below, fetching, place, environ, context.say)
    exports = {"CM_PYTHON_BIN_WITH_PATH": found.path, "CM_PYTHON_BIN": found.path.name}
    return Done(exports={**exports, "CM_PYTHON_VERSION": found.version_text})


def _range(context: Context) -> tuple[api.Version, api.Version]:
    asked = (context.text(f"CM_VERSION{end}", "") for end in ("", "_MIN", "_MAX"))
    return api.version_bounds(*asked, context.text("CM_PYTHON_BELOW", ""))


def _wanted(context: Context, minimum: api.Version, below: api.Version) -> str:
    why = context.text("CM_PYTHON_WHY", "")
    low, high = (".".join(map(str, each)) for each in (minimum, below))
    return f"wanted is CPython from {low} to below {high}" + (f", for {why}" if why else "")


def _given(context: Context) -> Path | None:
    path = context.path("CM_PYTHON_PATH")
    name = context.name("CM_PYTHON_NAME", "")
    if path is not None or not name:
        return path
    python = context.folders.state / "python-environments" / name / "bin" / "python"
    if not python.exists():
        raise StepFailed(
            f'there is no environment {name!r}; make it by cm run script "install python-venv" --name={name}'
        )
    return python
