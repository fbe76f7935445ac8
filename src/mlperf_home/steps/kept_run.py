"""Whether a finished run answers a request: the same questions, model, engine, shapes and settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.runs.session import IngestError, different, read_session, sha256_of
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.model_files import read_model_file
from mlperf_home.measurements.layout import ResultsError
from mlperf_home.steps.run_request import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.contracts.runs.job import BackendChoice, JobOptions
    from mlperf_home.contracts.runs.session import Session
    from mlperf_home.measurements.layout import ResultFolder

# The options of an engine, besides its name.
_SHAPES = ("options", "cores", "lengths", "batch_sizes", "streams")
_REMEDY = (
    "measure again with --rerun, set the old results aside with --clean, keep both with another --results_dir, "
    "or use the options of that run"
)


def require_same(folder: ResultFolder, run: str, options: JobOptions, *, target_given: bool) -> None:
    """Require that a finished run, performance or accuracy, has these options and inputs.

    Targets may differ, unless the user set one (`target_given`): a measured target differs from run to run.

    Raises:
        ResultsError: the run has other ones, which the text names; or a file of the model is missing.
    """
    try:
        session = read_session(folder.session(run))
        differences = list(_differences(session, run, options, target_given=target_given))
    except IngestError as error:
        raise ResultsError(f"{error.where}: {error.problem}; {_REMEDY}") from error
    except BackendError as error:
        raise ResultsError(str(error)) from error
    if differences:
        raise ResultsError(f"{folder.logs(run)}: the {run} run there has {'; '.join(differences)}; {_REMEDY}")


def model_exports(folder: ResultFolder, run: str) -> dict[str, str | None]:
    """Return the identity of a finished run's model for the record: one hash of all its files, None if unknown.

    Raises:
        ResultsError: the run's session is damaged.
    """
    try:
        return {"CM_MLPERF_MODEL_SHA256": read_session(folder.session(run)).model.content_sha256}
    except IngestError as error:
        raise ResultsError(f"{error.where}: {error.problem}; {_REMEDY}") from error


def _differences(session: Session, run: str, options: JobOptions, *, target_given: bool) -> Iterator[str]:
    made, backend, dataset = session.job, options.backend, session.dataset
    for name, then, now in (
        ("round", made.round, options.round),
        ("benchmark", made.benchmark, options.benchmark),
        ("backend", made.backend, backend.name),
        *((key, getattr(made, key), getattr(backend, key)) for key in _SHAPES),
    ):
        if then != now:
            yield f"{name} {_shown(then)}, not {_shown(now)}"
    if dataset.identity != WORKLOADS[options.benchmark].facts(options.dataset.path).identity:
        yield f"another dataset ({dataset.name}, {dataset.count} samples)"
    yield from _other_model(session, backend)
    yield from _other_inputs(session, backend)
    if run != "accuracy":
        texts = (made.user_conf, options.user_conf.read_text(encoding="utf-8"))
        lines = ([line.partition("=") for line in text.splitlines() if "=" in line] for text in texts)
        then, now = ({name.strip().rpartition(".")[2]: value.strip() for name, _, value in each} for each in lines)
        for key in different(then, now):
            # A measured target differs from run to run.
            if target_given or not key.startswith("target_"):
                yield f"{key} {then.get(key, 'not set')}, not {now.get(key, 'not set')}"


def _other_model(session: Session, backend: BackendChoice) -> Iterator[str]:
    """Yield the files of the model that have changed."""
    then, now = session.model, read_model_file(backend.model_path, backend.name)
    if then.sha256 != now.sha256:
        yield f"another model file ({then.path})"
    elif then.files is not None:
        names = different(then.files, now.files or {})
        folder = Path(then.path) if then.sha256 is None else Path(then.path).parent
        yield from (f"another model file ({folder / name})" for name in names)


def _other_inputs(session: Session, backend: BackendChoice) -> Iterator[str]:
    """Yield the files of the engine's options, and the libraries that they brought, that have changed."""
    if session.inputs is None:
        return
    for name, file in session.inputs.items():
        path = Path(file.path)
        if not path.is_file() or sha256_of(path) != file.sha256:
            yield f"another {name} ({path})"
    # A link may lead to another library than it did; only the loader finds a name without a folder.
    delegate = Path(str(backend.options.get("delegate") or ""))
    known = {file.sha256 for file in session.inputs.values()}
    if len(delegate.parts) > 1 and delegate.is_file() and sha256_of(delegate) not in known:
        yield f"another library behind {delegate}"


def _shown(value: Any) -> str:
    if value in (None, {}, ()):
        return "as calibrated or by default"
    return json.dumps(value) if isinstance(value, (dict, tuple)) else str(value)
