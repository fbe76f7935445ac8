"""Make an environment that holds exactly what a lock file lists, or use one of the user's."""

import json
from pathlib import Path

from mlperf_home.environments import ENVIRONMENTS
from scriptgraph import api
from scriptgraph.api import Context, Done, Download, Outcome, ScriptGraphError, StepFailed


def verify(context: Context) -> bool:
    """Look whether the environment's Python still runs: its base may have been removed."""
    try:
        return bool(api.installed_versions(Path(context.text("CM_PYTHON_LIB_BIN_WITH_PATH"))))
    except ScriptGraphError:
        return False


def downloads(context: Context) -> list[Download]:
    """Tell what the package index would be asked for; with --offline, uv's own store is looked into."""
    known, package = context.text("CM_PYTHON_LIB_LOCK", ""), context.text("CM_PYTHON_LIB_PACKAGE", "")
    if context.path("CM_PYTHON_LIB_ENVIRONMENT") is not None:
        return []
    python = context.path("CM_PYTHON_BIN_WITH_PATH")
    looked_up = known and context.switches.offline
    if looked_up and python is not None and api.installable_offline(api.find_uv(), python, ENVIRONMENTS[known].lock):
        return []
    # Without the Python nobody can say which wheels it takes, nor whether they are here.
    return [Download(f"Python packages for {known or package}", needed=python is not None)]


def preprocess(context: Context) -> Outcome:
    """Lock what is not locked yet, install by hash, and say what is in it."""
    package = context.text("CM_PYTHON_LIB_PACKAGE", "")
    given = context.path("CM_PYTHON_LIB_ENVIRONMENT")
    if given is not None:
        return _exports(context.existing("CM_PYTHON_LIB_ENVIRONMENT"), given.parent.parent, package)
    uv = api.find_uv(offline=context.switches.offline)
    known = context.text("CM_PYTHON_LIB_LOCK", "")
    if known:
        path = ENVIRONMENTS[known].lock
    elif package:
        text = api.lock(
            uv, [_requirement(context, package)], _python_version(context), context.command, universal=False
        )
        path = context.output / "requirements.txt"
        path.write_text(text, encoding="utf-8")
    else:
        raise StepFailed("get-generic-python-lib needs a package: add _package.NAME to the tags")
    venv = context.output / "venv"
    context.say(f"installing {known or package}; each package is checked by its hash")
    python = api.create_venv(uv, Path(context.text("CM_PYTHON_BIN_WITH_PATH")), venv, context.command)
    api.install_locked(uv, python, path, context.command)
    return _exports(python, venv, package)


def _exports(python: Path, folder: Path, package: str) -> Outcome:
    versions = api.installed_versions(python)
    if package and package.lower().replace("_", "-") not in versions:
        raise StepFailed(f"{python}: has no {package}; install it there, or leave the environment to us")
    return Done(
        exports={
            "CM_PYTHON_LIB_BIN_WITH_PATH": python,
            "CM_PYTHON_LIB_PATH": folder,
            "CM_PYTHON_LIB_VERSION": versions.get(package.lower().replace("_", "-")),
            "CM_PYTHON_LIB_VERSIONS": json.dumps(versions),
        }
    )


def _requirement(context: Context, package: str) -> str:
    exact, low = context.text("CM_VERSION", ""), context.text("CM_VERSION_MIN", "")
    high = context.text("CM_VERSION_MAX", "")
    bounds = [f"=={exact}"] if exact else [*([f">={low}"] if low else []), *([f"<={high}"] if high else [])]
    return package + ",".join(bounds)


def _python_version(context: Context) -> str:
    return ".".join(context.text("CM_PYTHON_VERSION").split(".")[:2])
