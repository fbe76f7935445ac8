"""The switches of CM's `script` automation that do something after a run."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import StepFailed
from scriptgraph.files.atomic import replace_text
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scriptgraph.cli.console import RunConsole
    from scriptgraph.cli.runs.run_options import Afterwards
    from scriptgraph.manifest.types import Values

ENVIRONMENT_FILE = "tmp-env.sh"
"""The file of `--save_env`, in the current folder."""


def finish(afterwards: Afterwards, answer: Mapping[str, Any], start_ns: int, console: RunConsole) -> dict[str, Any]:
    """Do what is asked for after a run, and return the members for its answer.

    Raises:
        StepFailed: the file for a shell cannot be written.
    """
    more: dict[str, Any] = {}
    if afterwards.save_env:
        more["saved_env"] = str(_save(answer["new_env"]))
        console.text([f"exports: {more['saved_env']}"])
    if afterwards.repro:
        console.text([f"to repeat this run: cm replay script --record={shlex.quote(answer['record'])}"])
    if afterwards.time:
        more["seconds"] = (time.monotonic_ns() - start_ns) / 1e9
        console.text([f"time: {more['seconds']:.1f} s"])
    return more


def _save(exports: Values) -> Path:
    path = Path.cwd() / ENVIRONMENT_FILE
    try:
        replace_text(path, "".join(_lines(exports)))
    except OSError as error:
        raise StepFailed(f"{path}: cannot be written ({error.strerror}); run in another folder") from error
    return path


def _lines(exports: Values) -> Iterator[str]:
    for key, value in sorted(exports.items()):
        text = ":".join(value) if isinstance(value, (list, tuple)) else as_text(value)
        yield f"export {key}={shlex.quote(text)}\n"
