"""Find a Python of a fitting version, or install one with uv."""

import os
from pathlib import Path

from scriptgraph import api
from scriptgraph.api import Context, Done, Download, Outcome, ScriptGraphError, StepFailed


def verify(context: Context) -> bool:
    """Whether the Python found earlier still runs and has the same version."""
    try:
        return api.probe(Path(context.text("CM_PYTHON_BIN_WITH_PATH"))).version_text == context.text(
            "CM_PYTHON_VERSION"
        )
    except ScriptGraphError:
        return False


def downloads(context: Context) -> list[Download]:
    """Return the Python that uv would install if no other fits."""
    if _users_python(context) is not None:
        return []
    try:
        api.find_interpreter(*_range(context))
    except api.NoPythonError:
        return [Download("a CPython (python-build-standalone)")]
    return []


def preprocess(context: Context) -> Outcome:
    """Take the user's Python if it fits, else the newest fitting one of the machine, else uv's."""
    minimum, below = _range(context)
    users_python = _users_python(context)
    if users_python is not None:
        found = api.probe(users_python)
        if not found.fits(minimum, below):
            raise StepFailed(
                f"{users_python} is {found.implementation} {found.version_text}; {_advice(context, minimum, below)}"
            )
    else:
        uv = api.find_uv()
        environ = {**os.environ, **uv.env}
        folder = context.folders.state / "python"
        uv_path = None if context.switches.offline else uv.path
        found = api.obtain_interpreter(minimum, below, uv_path, folder, environ, context.say)
    exports = {"CM_PYTHON_BIN_WITH_PATH": found.path, "CM_PYTHON_BIN": found.path.name}
    return Done(exports={**exports, "CM_PYTHON_VERSION": found.version_text})


def _range(context: Context) -> tuple[api.Version, api.Version]:
    bounds = (context.text(f"CM_VERSION{end}", "") for end in ("", "_MIN", "_MAX"))
    return api.version_bounds(*bounds, context.text("CM_PYTHON_BELOW", ""))


def _advice(context: Context, minimum: api.Version, below: api.Version) -> str:
    why = context.text("CM_PYTHON_WHY", "")
    low, high = (".".join(map(str, each)) for each in (minimum, below))
    return f"use CPython {low} or newer, below {high}" + (f" ({why})" if why else "")


def _users_python(context: Context) -> Path | None:
    path = context.path("CM_PYTHON_PATH")
    name = context.name("CM_PYTHON_NAME", "")
    if path is not None or not name:
        return path
    python = context.folders.state / "python-environments" / name / "bin" / "python"
    if not python.exists():
        raise StepFailed(f'environment {name!r}: does not exist; run cm run script "install python-venv" --name={name}')
    return python
