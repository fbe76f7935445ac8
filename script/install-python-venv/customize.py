"""Make a virtual environment with a name for later commands."""

from pathlib import Path

from scriptgraph import api
from scriptgraph.api import Context, Done, Outcome, Skip, StepFailed


def preprocess(context: Context) -> Outcome:
    """Make the environment with the selected Python, unless it exists."""
    name = context.name("CM_VENV_NAME")
    base = api.probe(Path(context.text("CM_PYTHON_BIN_WITH_PATH")))
    folder = context.folders.state / "python-environments"
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / name / "bin" / "python"
    exports = {
        "CM_VENV_NAME": name,
        "CM_VENV_PATH": folder / name,
        "CM_PYTHON_BIN_WITH_PATH": python,
        "CM_PYTHON_VERSION": base.version_text,
    }
    with (folder / f".{name}.lock").open("w") as handle:
        api.locks.acquire(handle, wait=True)
        if python.exists():
            existing = api.probe(python)
            if existing.version_text != base.version_text and context.text("CM_VERSION", "") == base.version_text:
                raise StepFailed(
                    f"{folder / name}: exists with Python {existing.version_text}; remove it, or pass another --name"
                )
            return Skip(f"{folder / name} exists", {**exports, "CM_PYTHON_VERSION": existing.version_text})
        api.create_venv(api.find_uv(), base.path, context.output / "venv", context.command)
        (context.output / "venv").rename(folder / name)
    return Done(exports=exports)
