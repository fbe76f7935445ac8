"""Recompute a bundle's measurements from its logs, and yield the differences."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.challenges.bundles.bundle import RUNS
from mlperf_home.challenges.bundles.problems import FAULTS, caught, file_of, printable, problem_of
from mlperf_home.challenges.bundles.results import KEPT_RESULTS, MEASUREMENTS, measurement_files
from mlperf_home.challenges.verification.session_checks import pair_problems, place_problems, session_problems
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.session import read_session, sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_log import is_truncated
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.measurements.ingest import MODES, ingest
from mlperf_home.measurements.latency_only import copied_values, with_values
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_SESSION
from mlperf_home.measurements.measurement import DATASET, MACHINE_FACTS, Measurement, read_measurement
from mlperf_home.measurements.prices import PRICE
from mlperf_home.measurements.run_times import CHANGED_STATE
from mlperf_home.measurements.storage.store import LINES_FILE, Store
from mlperf_home.rules import load_round, mlperf_conf
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.measurements.measurement import Value

# Facts from the steps before a run; no log holds them, so only the manifest's hashes protect them.
_NOT_IN_LOGS = {
    "model": {"name", "weight_type", "retraining", "weight_transformations", "source"},
    "system": MACHINE_FACTS,
}
# Values that measurements of version 0.1 lack; those that have them are compared.
_NEWER = {DATASET}


def result_problems(root: Path) -> Iterator[Problem]:
    """Ingest every result again; yield the differences between measurements and logs."""
    for path in measurement_files(root):
        yield from _of_result(_measurement_problems(path, root), path.relative_to(root).as_posix(), root)
    kept = {path.parent for path in root.glob(MEASUREMENTS)}
    for session in sorted(root.glob("results/**/*-session.json")):
        if session.parent not in kept:
            yield session.relative_to(root).as_posix(), "has no measurement.json beside it"


def _of_result(problems: Iterator[Problem], name: str, root: Path) -> Iterator[Problem]:
    """Yield problems; turn an error in the files of a result into one more, of the result."""
    try:
        yield from problems
    except (DocumentError, LocatedError) as error:
        yield name, f"{printable(file_of(error, root))}: {problem_of(error)}"
    except FAULTS as error:
        yield name, printable(f"cannot be recomputed: a file beside it is malformed ({error!r})")


def _measurement_problems(path: Path, root: Path) -> Iterator[Problem]:
    folder, name = path.parent, path.relative_to(root).as_posix()
    where = name.rpartition("/")[0]
    yield from _log_problems(folder, where)
    yield from _settings_problems(folder, where)
    stored = read_measurement(path, name)
    yield from ((name, problem) for problem in place_problems(path.parent, stored))
    again = _again(folder, stored)
    yield from ((name, problem) for problem in _differences(stored, again))


def _again(folder: Path, stored: Measurement, modes: Sequence[str] = MODES) -> Measurement:
    """Ingest the runs of a result again, with the stored facts that no log has.

    An accuracy that is copied from others replaces an unknown one; `copied_accuracies` checks it.
    """
    system = {key: value for key, value in stored.system.items() if key in _NOT_IN_LOGS["system"]}
    model = stored.model["name"].value
    again = ingest(folder, system, None if model is None else str(model), _price(stored), modes)
    return with_values(again, copied_values(stored)) if "accuracy" in again.values else again


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
        kept: list[Kept] = []
        for result in sorted(folder.glob(KEPT_RESULTS)):
            name = result.relative_to(root).as_posix()
            yield from _of_result(_kept_problems(result, name, kept), name, root)
        lines = f"{folder.relative_to(root).as_posix()}/{LINES_FILE}"
        yield from caught(_store_problems(folder, lines, kept, root), lines, root)


def _kept_problems(result: Path, name: str, kept: list[Kept]) -> Iterator[Problem]:
    if not (result / "measurement.json").is_file():  # else `result_problems` has compared them
        yield from _log_problems(result, name)
    kept.append(Kept(result, ingest(result).logs))


def _store_problems(folder: Path, lines: str, kept: Sequence[Kept], root: Path) -> Iterator[Problem]:
    damages: list[str] = []
    for stored in Store(folder).measurements(damages):
        yield from ((lines, problem) for problem in _stored_differences(stored, kept))
    yield from ((lines, printable(damage.replace(f"{root}/", ""))) for damage in damages)


def count_without_logs(root: Path) -> int:
    """Count the measurements of experiments without logs in a valid bundle; only hashes protect these."""
    count = 0
    for folder in root.glob("experiments/*"):
        kept = [Kept(result, ingest(result).logs) for result in folder.glob(KEPT_RESULTS)]
        count += sum(_with_its_logs(stored, kept) is None for stored in Store(folder).measurements())
    return count


class Kept(NamedTuple):
    """A result with logs of an experiment: its folder, and its logs by name."""

    folder: Path
    logs: Mapping[str, Mapping[str, Any]]


def _with_its_logs(stored: Measurement, kept: Sequence[Kept]) -> Kept | None:
    """Return the kept result of a stored measurement; its accuracy run may be newer than the measurement."""
    return next((result for result in kept if stored.logs and stored.logs.items() <= result.logs.items()), None)


def _stored_differences(stored: Measurement, kept: Sequence[Kept]) -> Iterator[str]:
    """Yield the differences of a stored measurement from the logs of its runs; others may have come later."""
    result = _with_its_logs(stored, kept)
    if result is not None:
        yield from place_problems(result.folder, stored)
        modes = {place.partition("/")[0] for place in stored.logs}
        yield from _differences(stored, _again(result.folder, stored, tuple(modes)))


def _price(stored: Measurement) -> Value | None:
    price = stored.values.get(PRICE)
    return price if price is not None and price.value is not None else None


def _log_problems(folder: Path, name: str) -> Iterator[Problem]:
    """Yield differences between sessions and logs. Raise ValueError if a log's name is a path."""
    sessions = []
    for session_name, logs in ((name, logs) for name, logs in RUNS if (folder / name).is_file()):
        sessions.append(session := read_session(folder / session_name))
        paths = [log_name for log_name in session.logs if "/" in log_name or log_name.startswith(".")]
        if paths:
            raise ValueError(f"{session_name} names the log {paths[0]!r}")
        if session_name == ACCURACY_SESSION:
            log = folder / ACCURACY_DIR / ACCURACY_FILE
            if not is_truncated(log) and sha256_of(log) != session.logs[ACCURACY_FILE].sha256:
                yield f"{name}/{ACCURACY_DIR}/{ACCURACY_FILE}", "is neither the run's log nor its truncated form"
        where = f"{name}/{session_name}"
        yield from _of_result(((where, text) for text in session_problems(session, folder / logs)), where, folder)
    if len(sessions) == len(RUNS):
        yield from ((f"{name}/{ACCURACY_SESSION}", text) for text in pair_problems(*sessions))


def _differences(stored: Measurement, again: Measurement) -> Iterator[str]:
    """Yield the differences of two measurements; facts that no log has are left out."""
    then, now = encode(asdict(stored)), encode(asdict(again))
    for key in sorted(then):
        if isinstance(then[key], dict):
            unlogged = _NOT_IN_LOGS.get(key, set())
            for name in sorted(then[key].keys() | now[key].keys()):
                unsaid = name not in then[key]
                # A run of version 0.1 kept no latencies, so that its states are unknown.
                if unsaid and (name in _NEWER or (name == CHANGED_STATE and now[key][name]["value"] is None)):
                    continue
                if name in now[key] or name not in unlogged:
                    yield from _difference(f"{key}.{name}", then[key].get(name), now[key].get(name))
        else:
            yield from _difference(key, then[key], now[key])


def _difference(name: str, then: Any, now: Any) -> Iterator[str]:
    if then != now:
        values = [each.get("value") if isinstance(each, dict) else each for each in (then, now)]
        shown = (then, now) if values[0] == values[1] else values
        yield "{} is {}, but the logs give {}".format(name, *map(_short, shown))


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line's worth
