"""Recompute a bundle's measurements from its logs, and yield the differences."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.bundle import RUNS
from mlperf_home.challenges.bundles.problems import file_of, problem_of
from mlperf_home.challenges.bundles.results import KEPT_RESULTS, MEASUREMENTS, measurement_files
from mlperf_home.contracts.runs.session import read_session, sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_log import is_truncated
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_SESSION
from mlperf_home.measurements.measurement import DATASET, MACHINE_FACTS, Measurement, read_measurement
from mlperf_home.measurements.prices import PRICE, cost_values
from mlperf_home.measurements.store import LINES_FILE, Store
from mlperf_home.rules import load_round, mlperf_conf
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.measurements.measurement import Value

# Facts from the steps before a run; no log holds them, so only the manifest's hashes protect them.
_NOT_IN_LOGS = {
    "model": {"name", "weight_type", "retraining", "weight_transformations", "source"},
    "system": MACHINE_FACTS,
}
# Values that measurements of version 0.1 lack; those that have them are compared.
_NEWER = {DATASET}
_OF_THE_RUN = ("values", "engine", "validity", "reasons", "sample", "unofficial_because", "warnings")


def result_problems(root: Path) -> Iterator[Problem]:
    """Ingest every result again; yield the differences between measurements and logs."""
    for path in measurement_files(root):
        name = path.relative_to(root).as_posix()
        yield from _caught(root, name, "beside", _measurement_problems(path, root))
    kept = {path.parent for path in root.glob(MEASUREMENTS)}
    for session in sorted(root.glob("results/**/*-session.json")):
        if session.parent not in kept:
            yield session.relative_to(root).as_posix(), "has no measurement.json beside it"


def _caught(root: Path, name: str, where: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    """Yield problems; turn an error in the files of a result into one more problem."""
    try:
        yield from problems
    except (DocumentError, LocatedError) as error:
        yield name, f"{file_of(error, root)}: {problem_of(error)}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        yield name, f"cannot be recomputed: a file {where} it is malformed ({error!r})"


def _measurement_problems(path: Path, root: Path) -> Iterator[Problem]:
    folder, name = path.parent, path.relative_to(root).as_posix()
    where = name.rpartition("/")[0]
    yield from _log_problems(folder, where)
    yield from _settings_problems(folder, where)
    stored = read_measurement(path, path.relative_to(root).as_posix())
    system = {key: value for key, value in stored.system.items() if key in _NOT_IN_LOGS["system"]}
    model = stored.model["name"].value
    again = ingest(folder, system, None if model is None else str(model), _price(stored))
    yield from ((name, problem) for problem in _differences(stored, again))


def _settings_problems(folder: Path, where: str) -> Iterator[Problem]:
    """Compare a result's user.conf with its session, and its mlperf.conf with the round's."""
    session = next(filter(Path.is_file, (folder / name for name, _ in RUNS)), None)
    if session is None:
        return
    job = read_session(session).job
    for conf, text in (("user.conf", job.user_conf), ("mlperf.conf", mlperf_conf(load_round(job.round)))):
        if (folder / conf).is_file() and not has_text(folder / conf, text):
            yield f"{where}/{conf}", "differs from the settings of the run"


def has_text(path: Path, text: str) -> bool:
    """Whether a file holds this text; a file of another size is not read."""
    content = text.encode()
    return path.stat().st_size == len(content) and path.read_bytes() == content


def experiment_problems(root: Path) -> Iterator[Problem]:
    """Ingest the kept results of experiments; yield the differences between stored measurements and logs."""
    for folder in sorted(root.glob("experiments/*")):
        kept: list[Measurement] = []
        for result in sorted(folder.glob(KEPT_RESULTS)):
            name = result.relative_to(root).as_posix()
            yield from _caught(root, name, "in", _kept_problems(result, name, kept))
        damages: list[str] = []
        lines = f"{folder.relative_to(root).as_posix()}/{LINES_FILE}"
        for stored in Store(folder).measurements(damages):
            yield from ((lines, problem) for problem in _stored_differences(stored, kept))
        yield from ((lines, damage.replace(f"{root}/", "")) for damage in damages)


def _kept_problems(result: Path, name: str, kept: list[Measurement]) -> Iterator[Problem]:
    yield from _log_problems(result, name)
    kept.append(ingest(result))


def count_without_logs(root: Path) -> int:
    """Count the measurements of experiments without logs in a valid bundle; only hashes protect these."""
    count = 0
    for folder in root.glob("experiments/*"):
        kept = [ingest(result) for result in folder.glob(KEPT_RESULTS)]
        count += sum(_with_its_logs(stored, kept) is None for stored in Store(folder).measurements())
    return count


def _with_its_logs(stored: Measurement, kept: Sequence[Measurement]) -> Measurement | None:
    """Return the kept result of a stored measurement; its accuracy run may be newer than the measurement."""
    return next((result for result in kept if stored.logs and stored.logs.items() <= result.logs.items()), None)


def _stored_differences(stored: Measurement, kept: Sequence[Measurement]) -> Iterator[str]:
    again = _with_its_logs(stored, kept)
    if again is None:
        return
    if price := _price(stored):  # no log holds it
        costs = cost_values(again.values, again.scenario, load_round(again.round), price)
        again = replace(again, values={**again.values, **costs})
    if again.logs == stored.logs:
        yield from _differences(stored, again, _OF_THE_RUN)
        return
    # Stored before the accuracy run: only the common values can be compared.
    for name in sorted(stored.values.keys() & again.values.keys()):
        yield from _difference(f"values.{name}", asdict(stored.values[name]), asdict(again.values[name]))


def _price(stored: Measurement) -> Value | None:
    price = stored.values.get(PRICE)
    return price if price is not None and price.value is not None else None


def _log_problems(folder: Path, name: str) -> Iterator[Problem]:
    """Yield accuracy logs that are neither complete nor truncated. Raise ValueError if a log's name is a path."""
    for session_name in (name for name, _ in RUNS if (folder / name).is_file()):
        session = read_session(folder / session_name)
        paths = [log_name for log_name in session.logs if "/" in log_name or log_name.startswith(".")]
        if paths:
            raise ValueError(f"{session_name} names the log {paths[0]!r}")
        if session_name == ACCURACY_SESSION:
            log = folder / ACCURACY_DIR / ACCURACY_FILE
            if not is_truncated(log) and sha256_of(log) != session.logs[ACCURACY_FILE].sha256:
                yield f"{name}/{ACCURACY_DIR}/{ACCURACY_FILE}", "is neither the run's log nor its truncated form"


def _differences(stored: Measurement, again: Measurement, keys: Sequence[str] = ()) -> Iterator[str]:
    """Yield the differences of two measurements in the given parts; by default in all parts."""
    then, now = asdict(stored), asdict(again)
    for key in sorted(keys or then):
        if isinstance(then[key], dict):
            unlogged = _NOT_IN_LOGS.get(key, set())
            for name in sorted(then[key].keys() | now[key].keys()):
                if name in _NEWER and name not in then[key]:
                    continue
                if name in now[key] or name not in unlogged:
                    yield from _difference(f"{key}.{name}", then[key].get(name), now[key].get(name))
        else:
            yield from _difference(key, *(list(v) if isinstance(v, tuple) else v for v in (then[key], now[key])))


def _difference(name: str, then: Any, now: Any) -> Iterator[str]:
    if then != now:
        yield f"{name} is {_short(then)}, but the logs give {_short(now)}"


def _short(value: Any) -> str:
    value = value.get("value", value) if isinstance(value, dict) else value
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line's worth
