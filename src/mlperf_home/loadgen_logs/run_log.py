"""Reading LoadGen's logs: the values of a run, its validity, and the reasons of an INVALID run."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cached_property, partial
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, Any, Literal

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.verdict import invalid_reasons, mean_latency_ms
from scriptgraph.files.json_reader import is_ordinary, parse_line, parse_lines
from scriptgraph.files.parsing import finite_number, parsing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SUMMARY_FILE = "mlperf_log_summary.txt"
DETAIL_FILE = "mlperf_log_detail.txt"
ACCURACY_FILE = "mlperf_log_accuracy.json"

_RUN_AGAIN = "run the benchmark again"
_PREFIX = ":::MLLOG "
# The end of nearly all lines, between the value's time and the name of LoadGen's source. A shorter one replaces it
# before decoding. A quote inside of a text has a backslash, so no text has this.
_ORDINARY_END = (
    b', "namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", '
    b'"metadata": {"is_error": false, "is_warning": false, "file": '
)
_ORDINARY_KEY = "ordinary"
_ORDINARY = b', "ordinary": {"file": '
_PERCENTILE = re.compile(r"result_(\d+\.\d+)_percentile_(?:per_query_)?latency_ns")
# The values of these keys are numbers in every version of LoadGen.
_NUMBERS = re.compile(
    r"(result|effective|early_stopping)_.*(_ns|_ms|_per_second|_qps|_query_count|_seed|latency_percentile)"
)
# The longest lines list the samples of a set.
_LONGEST_LINE = 64 << 20
# Larger logs are read line by line.
_AT_ONCE_BYTES = 32 << 20
_BYTES_THAT_END_AN_ACCURACY_LOG = 64
_SEEDS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
# Keys that a run logs once; an accuracy run repeats other keys for every set of samples that it loads.
_LOGGED_ONCE = ("effective_", "result_", "early_stopping_", "loadgen_version", "test_datetime", "sut_name")
# LoadGen counts the errors at the end of a performance run's log since this version (mlcommons/inference, fd021be1,
# after 5.0.15); older versions end with the last percentile.
_COUNTS_ERRORS_SINCE = (5, 0, 16)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
# Long lists without a reader: the order of the samples, the hashes of LoadGen's sources.
_BULKY_KEYS = {"loaded_qsl_set", "loadgen_file_sha1", "loadgen_git_log_message"}


_Entry = tuple[str, Any, bool, bool]  # the key, the value, is_error, is_warning


class LogError(LocatedError):
    """The logs of a run are absent, cut off or corrupt, so the run gives no result."""


@dataclass(frozen=True)
class DetailLog:
    """The readable part of a detail log.

    Attributes:
        logged: the last value of every key, except errors, warnings and bulky keys.
        errors: LoadGen's error lines.
        warnings: LoadGen's warning lines.
        messages: LoadGen's other messages.
        fault: the error that ended the reading, or None.
        repeated: keys that occur more than once although a run logs them once, in order.
    """

    logged: Mapping[str, Any]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    messages: tuple[str, ...]
    fault: LogError | None
    repeated: tuple[str, ...] = ()

    @cached_property
    def values(self) -> dict[str, Any]:
        """The `result_*` and `early_stopping_*` values by key."""
        return {key: value for key, value in self.logged.items() if key.startswith(("result_", "early_stopping_"))}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The effective settings, by key without the prefix `effective_`."""
        effective = ((key, value) for key, value in self.logged.items() if key.startswith("effective_"))
        return {key.removeprefix("effective_"): value for key, value in effective}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The absent keys that a complete run of this version of LoadGen logs, sorted."""
        needed = {"effective_scenario", "effective_test_mode", "loadgen_version", "test_datetime", "power_end"}
        needed |= {f"effective_{name}" for name in _SEEDS}
        if self.logged.get("effective_test_mode") != "AccuracyOnly":
            needed |= {"result_validity", _last_key(self.logged.get("loadgen_version"))}
        return tuple(sorted(needed - self.logged.keys()))


class LoadGenResult(DetailLog):
    """The detail log of a complete run."""

    @property
    def scenario(self) -> str:
        """The scenario: SingleStream, MultiStream, Server or Offline."""
        return str(self.logged["effective_scenario"])

    @property
    def mode(self) -> str:
        """LoadGen's name of the mode (PerformanceOnly, AccuracyOnly, FindPeakPerformance)."""
        return str(self.logged["effective_test_mode"])

    @property
    def validity(self) -> Literal["VALID", "INVALID"] | None:
        """LoadGen's verdict; None in accuracy mode, which has no verdict."""
        validity = self.logged.get("result_validity")
        return "VALID" if validity == "VALID" else None if validity is None else "INVALID"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of an INVALID run, each with the option to change; empty otherwise."""
        return invalid_reasons(self.scenario, self.values, self.settings)

    @property
    def percentiles_ns(self) -> dict[str, int]:
        """Latency by percentile ("90.00"); per query in MultiStream."""
        kind = "per_query_latency" if self.scenario == "MultiStream" else "percentile_latency"
        matches = ((_PERCENTILE.fullmatch(key), value) for key, value in self.values.items() if kind in key)
        return {match.group(1): int(value) for match, value in matches if match}

    @property
    def mean_latency_ms(self) -> float | None:
        """Mean latency of a query in MultiStream, of a sample otherwise."""
        return mean_latency_ms(self.scenario, self.logged)

    @property
    def seeds(self) -> dict[str, int]:
        """The three seeds by name."""
        return {name: self.logged[f"effective_{name}"] for name in _SEEDS}

    @property
    def query_count(self) -> int | None:
        """The number of issued queries, or None if it is not logged."""
        count: int | None = self.logged.get("result_query_count", self.logged.get("generated_query_count"))
        return count

    @property
    def loadgen_version(self) -> str:
        """The logged version and revision of LoadGen."""
        return str(self.logged["loadgen_version"])

    @property
    def peak_qps(self) -> float | None:
        """The peak rate found by FindPeakPerformance in queries per second, or None."""
        peaks = re.findall(r"Found peak performance field: ([\d.]+)", "\n".join(self.messages))
        return finite_number(peaks[-1]) if peaks else None


def _last_key(version: object) -> str:
    """Return the key at the end of the log of a performance run by a version of LoadGen ("3.0 @ f536725011")."""
    match = _VERSION.match(str(version))
    numbers = tuple(int(part or 0) for part in match.groups()) if match else _COUNTS_ERRORS_SINCE
    return "num_errors" if numbers >= _COUNTS_ERRORS_SINCE else "result_99.90_percentile_latency_ns"


def scan_detail(path: Path) -> DetailLog:
    """Read a detail log up to its end or its first error, which is returned as `fault`."""
    try:
        if path.stat().st_size <= _AT_ONCE_BYTES:
            return parse_detail(path, path.read_bytes())
    except OSError as error:
        return _collect((), LogError(path, f"cannot be read ({error.strerror})", _RUN_AGAIN))
    return _collect(_lines(path))


def parse_detail(path: Path, content: bytes) -> DetailLog:
    """Parse a detail log like `scan_detail`; `path` names it in errors."""
    entries = _entries(content)
    return _collect(_lines(path, content) if entries is None else entries)


def _collect(entries: Iterable[_Entry], fault: LogError | None = None) -> DetailLog:
    logged: dict[str, Any] = {}
    errors, warnings, messages = [], [], []
    repeated: dict[str, None] = {}
    try:
        for key, value, is_error, is_warning in entries:
            if is_error:
                errors.append(str(value))
            elif is_warning:
                warnings.append(str(value))
            elif key == "generic_message":
                messages.append(str(value))
            elif key not in _BULKY_KEYS:
                if key in logged and key.startswith(_LOGGED_ONCE):
                    repeated[key] = None
                logged[key] = value
    except LogError as error:
        fault = error
    return DetailLog(logged, tuple(errors), tuple(warnings), tuple(messages), fault, tuple(repeated))


def read_run(folder: Path) -> LoadGenResult:
    """Read the logs of one run.

    Raises:
        LogError: a log is absent, cut off or corrupt.
    """
    path = folder / DETAIL_FILE
    detail = scan_detail(path)
    if detail.fault is not None:
        raise detail.fault
    for key, value in detail.logged.items():
        if _NUMBERS.fullmatch(key) and type(value) not in {int, float}:
            raise LogError(path, f"{key} is {value!r}, not a number", _RUN_AGAIN)
    interrupted = f"{detail.missing[0]} is missing" if detail.missing else ""
    try:
        if not interrupted:
            path = folder / SUMMARY_FILE
            if not summary_is_whole(path.read_text("utf-8", errors="replace")):
                interrupted = "the last line is missing"
        if not interrupted and detail.settings["test_mode"] == "AccuracyOnly":
            path = folder / ACCURACY_FILE
            interrupted = "" if has_end(path) else "the list has no end"
    except OSError as error:
        raise LogError(path, f"cannot be read ({error.strerror})", _RUN_AGAIN) from None
    if interrupted:
        raise LogError(path, f"the run was interrupted: {interrupted}", _RUN_AGAIN)
    return LoadGenResult(**{each.name: getattr(detail, each.name) for each in fields(detail)})


def _entries(content: bytes) -> list[_Entry] | None:
    """Return the entries of a log, decoded at once; None if any line is not as LoadGen writes it."""
    if _ORDINARY in content:
        return None
    try:
        text = content.replace(_ORDINARY_END, _ORDINARY).decode().rstrip("\n")
        entries = [
            (each["key"], each["value"], False, False) if _ORDINARY_KEY in each else _entry(each)
            for each in parse_lines(text.split("\n"), _PREFIX)
        ]
    except (ValueError, KeyError, TypeError):
        return None
    usual = all(type(key) is str and is_ordinary(value) for key, value, _, _ in entries)
    return entries if usual else None


def _lines(path: Path, content: bytes | None = None) -> Iterator[_Entry]:
    """Yield the entry of each line of a log, which is read from its path if it is not at hand."""
    where: object = path

    def corrupt(_reason: str) -> LogError:
        return LogError(where, "is not a line of a LoadGen log: the file is corrupt or mixes two runs", _RUN_AGAIN)

    try:
        # Bytes that are not UTF-8 are replaced, so that a crash is reported as a corrupt log, not as a decoding error.
        with parsing(corrupt), _open(path, content) as file:
            for number, text in enumerate(iter(partial(file.readline, _LONGEST_LINE), ""), start=1):
                where = f"{path} line {number}"
                if text.strip():
                    yield _entry(parse_line(text.removeprefix(_PREFIX)))
    except OSError as error:
        raise LogError(path, f"cannot be read ({error.strerror})", _RUN_AGAIN) from None


def _open(path: Path, content: bytes | None) -> TextIOWrapper:
    file = path.open("rb") if content is None else BytesIO(content)
    return TextIOWrapper(file, encoding="utf-8", errors="replace")


def _entry(entry: Any) -> _Entry:
    flags, key, value = entry["metadata"], entry["key"], entry["value"]
    if not isinstance(key, str):
        raise TypeError(f"the key is {key}")
    return key, value, bool(flags["is_error"]), bool(flags["is_warning"])


def summary_is_whole(text: str) -> bool:
    """Whether a summary has its last line, which counts the errors and differs between versions of LoadGen."""
    return " encountered" in text.rstrip().rsplit("\n", 1)[-1]


def has_end(accuracy_log: Path) -> bool:
    """Whether an accuracy log, truncated or not, has LoadGen's end.

    Raises:
        OSError: the log cannot be read.
    """
    with accuracy_log.open("rb") as file:
        file.seek(max(0, accuracy_log.stat().st_size - _BYTES_THAT_END_AN_ACCURACY_LOG))
        return file.read().rstrip().endswith(b"]")
