"""Whether a result that is there answers what is asked now: the same questions, model, engine, shapes and settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.session import IngestError, read_session, sha256_of
from mlperf_home.measurements.layout import ResultsError
from mlperf_home.steps.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlperf_home.measurements.layout import ResultFolder

_REMEDY = (
    "--rerun measures again, --clean sets the old results aside, another --results_dir keeps both; "
    "or give the options that it was made with"
)


def require_same(folder: ResultFolder, run: str, options: Mapping[str, Any], *, target_given: bool) -> None:
    """Refuse to take a finished run for the answer to other options.

    Args:
        folder: the result's folder; the run is complete.
        run: performance or accuracy.
        options: the job as it is asked for now, see `asked.read_options`.
        target_given: whether the user gave the target; a target that was measured differs from run to run.

    Raises:
        ResultsError: the run was made with something else; the text says with what.
    """
    try:
        session = read_session(folder.session(run))
        differences = list(_differences(session, run, options, target_given=target_given))
    except (IngestError, KeyError, TypeError) as error:
        raise ResultsError(f"{folder.session(run)}: cannot be read as a session ({error}); {_REMEDY}") from error
    if differences:
        raise ResultsError(f"{folder.logs(run)}: the {run} run there was made with {'; '.join(differences)}. {_REMEDY}")


def _differences(
    session: Mapping[str, Any], run: str, options: Mapping[str, Any], *, target_given: bool
) -> Iterator[str]:
    made, backend = session["job"], options["backend"]
    asked = {"round": options["round"], "benchmark": options["benchmark"], "backend": backend["name"]}
    asked |= {key: backend[key] for key in ("options", "cores", "lengths", "batch_sizes", "streams")}
    for key, value in asked.items():
        if made.get(key) != value:
            yield f"{key} {_shown(made.get(key))}, not {_shown(value)}"
    if session["dataset"].get("identity") != WORKLOADS[options["benchmark"]].identity(Path(options["dataset"]["path"])):
        yield f"another dataset ({session['dataset']['name']}, {session['dataset']['count']} samples)"
    model = Path(backend["model_path"])
    if session["model"]["sha256"] != (sha256_of(model) if model.is_file() else None):
        yield f"another model file ({session['model']['path']})"
    if run != "accuracy":
        then, now = (_settings(text, target_given=target_given) for text in (made["user_conf"], _read(options)))
        for key in sorted(then.keys() | now.keys()):
            if then.get(key) != now.get(key):
                yield f"{key} {then.get(key, 'not set')}, not {now.get(key, 'not set')}"


def _read(options: Mapping[str, Any]) -> str:
    return Path(options["user_conf"]).read_text(encoding="utf-8")


def _settings(text: str, *, target_given: bool) -> dict[str, str]:
    """Read user.conf's lines, without the target unless the user chose it."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    settings = {name.strip().rpartition(".")[2]: value.strip() for name, _, value in pairs}
    return {key: value for key, value in settings.items() if target_given or not key.startswith("target_")}


def _shown(value: Any) -> str:
    if value in (None, {}, []):
        return "as calibrated or by default"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
