"""Make an environment from a lock file, or use the user's own."""

import json
from pathlib import Path

from mlperf_home.environments import ENVIRONMENTS
from scriptgraph import api
from scriptgraph.api import Context, Done, Download, Outcome, ScriptGraphError, StepFailed


def verify(context: Context) -> bool:
    """Whether the environment's Python still runs; its base may have been removed."""
    try:
        return bool(api.installed_versions(Path(context.text("CM_PYTHON_LIB_BIN_WITH_PATH"))))
    except ScriptGraphError:
        return False


def downloads(context: Context) -> list[Download]:
    """Return the packages to fetch; with --offline, none if uv's store has them all."""
    locked, package = context.text("CM_PYTHON_LIB_LOCK", ""), context.text("CM_PYTHON_LIB_PACKAGE", "")
    python = context.path("CM_PYTHON_BIN_WITH_PATH")
    if context.path("CM_PYTHON_LIB_ENVIRONMENT") is not None or _ready(context) is not None:
        return []
    look_up = locked and context.switches.offline
    if look_up and python is not None and api.installable_offline(api.find_uv(), python, ENVIRONMENTS[locked].lock):
        return []
    # Without the Python, its wheels are unknown.
    return [Download(f"Python packages for {locked or package}", needed=python is not None)]


def _ready(context: Context) -> Path | None:
    locked, python = context.text("CM_PYTHON_LIB_LOCK", ""), context.path("CM_PYTHON_BIN_WITH_PATH")
    return api.ready_environment(ENVIRONMENTS[locked].lock, python) if locked and python else None


def preprocess(context: Context) -> Outcome:
    """Lock an unlocked package, install by hash, and export the versions."""
    package, own = context.text("CM_PYTHON_LIB_PACKAGE", ""), context.path("CM_PYTHON_LIB_ENVIRONMENT")
    python = _ready(context) if own is None else context.existing("CM_PYTHON_LIB_ENVIRONMENT")
    if python is not None:
        return _exports(python, python.parent.parent, package)
    uv = api.find_uv(offline=context.switches.offline)
    locked = context.text("CM_PYTHON_LIB_LOCK", "")
    if locked:
        path = ENVIRONMENTS[locked].lock
    elif package:
        version = ".".join(context.text("CM_PYTHON_VERSION").split(".")[:2])
        text = api.lock(uv, [_requirement(context, package)], version, context.command, universal=False)
        path = context.output / "requirements.txt"
        path.write_text(text, encoding="utf-8")
    else:
        raise StepFailed("get-generic-python-lib: has no package; add _package.NAME to the tags")
    venv = context.output / "venv"
    context.say(f"installing {locked or package}; the hash of each package is checked")
    python = api.create_venv(uv, Path(context.text("CM_PYTHON_BIN_WITH_PATH")), venv, context.command)
    api.install_locked(uv, python, path, context.command)
    return _exports(python, venv, package)


def _exports(python: Path, folder: Path, package: str) -> Outcome:
    versions = api.installed_versions(python)
    if package and package.lower().replace("_", "-") not in versions:
        raise StepFailed(f"{python}: has no {package}; install it there, or leave --environment out")
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
