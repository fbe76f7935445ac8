"""Checks of user.conf and mlperf.conf against the log of the run, which holds the settings that LoadGen used."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.loadgen_logs.figures import is_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.submission.check.places import CheckedResult, Finding

_LINE = re.compile(r"^\s*([^\s#.]+)\.([^\s.]+)\.(\w+)\s*=\s*(\S+)\s*$", re.MULTILINE)
_SEEDS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
# The keys of the files, with the detail log's keys of the same values and the factors to its units.
_LOGGED: dict[str, tuple[str, float]] = {
    "min_duration": ("effective_min_duration_ms", 1),
    "max_duration": ("effective_max_duration_ms", 1),
    "min_query_count": ("requested_min_query_count", 1),
    "max_query_count": ("requested_max_query_count", 1),
    "performance_sample_count_override": ("requested_performance_sample_count_override", 1),
    **{name: (f"effective_{name}", 1) for name in _SEEDS},
}
_PERCENTILE = {"target_latency_percentile": ("effective_target_latency_percentile", 0.01)}
# LoadGen uses these in the given scenarios only.
_LOGGED_IN: dict[str, dict[str, tuple[str, float]]] = {
    "Offline": {"target_qps": ("effective_target_qps", 1)},
    "Server": {
        "target_qps": ("effective_target_qps", 1),
        "target_latency": ("effective_target_latency_ns", 1e6),
        **_PERCENTILE,
    },
    "SingleStream": {"target_latency": ("requested_single_stream_expected_latency_ns", 1e6), **_PERCENTILE},
    "MultiStream": {
        **_PERCENTILE,
        "target_latency": ("requested_multi_stream_expected_latency_ns", 1e6),
        "samples_per_query": ("effective_samples_per_query", 1),
    },
}
# What the round fixes in mlperf.conf; benchmarks' programs may set the other keys themselves.
_FIXED = ("min_duration", "target_latency_percentile", "samples_per_query")
_SIX_DIGITS = 1e-4
_OWN_FILE = "put the run's own file here"


class _Line(NamedTuple):
    model: str
    scenario: str
    key: str
    value: str


class _Difference(NamedTuple):
    key: str
    value: str
    logged: object

    def __str__(self) -> str:
        return f"sets {self.key} to {self.value}, but the run had {self.logged}"


def check_confs(result: CheckedResult) -> Iterator[Finding]:
    """Check a result's user.conf and mlperf.conf against its log and the round."""
    folder = result.place.measurements
    mlperf, user = folder / "mlperf.conf", folder / "user.conf"
    if (text := result.contents.text(mlperf)) and text.text:
        yield from _check_round(result, mlperf)
    if result.measured not in result.rules.scenarios:
        return
    own, lines = result.benchmark.loadgen_model, _lines(result, user)
    named = sorted({line.model for line in lines} - {"*"})
    name = own if not named or own in named else _name_of_run(result, lines, named)
    if name is None:
        different = _differences(result, _values(lines, named[0], result.measured))
        reason = f"it {different[0]}" if different else "the log cannot tell whether it was used"
        problem = f"sets values of {', '.join(named)}, but LoadGen calls this benchmark {own}: {reason}"
        yield result.finding(user, "conf-model", problem, f"put the run's own file here, or write {own} and run again")
        return
    configured = _values(lines, name, result.measured)
    for each in _differences(result, configured):
        yield result.finding(user, "conf-of-another-run", f"{each}: the file is of another run", _OWN_FILE)
    defaults = _values(_lines(result, mlperf), name, result.measured)
    fixed = {key: defaults[key] for key in _FIXED if key in defaults and key not in configured}
    for each in _differences(result, fixed):
        yield result.finding(mlperf, "conf-of-another-run", f"{each}: the file is of another run", _OWN_FILE)


def _name_of_run(result: CheckedResult, lines: Sequence[_Line], named: list[str]) -> str | None:
    """Return the name by which the run was configured: one whose values the log holds, and of no other benchmark."""
    others = {each.loadgen_model for each in result.rules.submitted_benchmarks.values()}
    for name in named:
        values = _values(lines, name, result.measured)
        comparable = _logged_pairs(result, values)
        if name not in others and comparable and not _differences(result, values):
            return name
    return None


def _check_round(result: CheckedResult, path: Path) -> Iterator[Finding]:
    """Check that mlperf.conf is the round's, as far as it concerns the result."""
    rules, own = result.rules, result.benchmark.loadgen_model
    official_conf, file = result.contents.official_conf(rules), result.contents.text(path)
    if file is None or file.text == official_conf:
        return
    lines = _parse(file.text)
    seeds = _values(lines, own, result.measured)
    for name in _SEEDS:
        expected, found = getattr(rules.seeds, name), seeds.get(name)
        if found is None or not _same(found, expected):
            has = "does not set" if found is None else f"has {found} as"
            problem = f"{has} {name}, {rules.name} has {expected}: the file is of another round"
            yield result.finding(path, "conf-round", problem, f"run again with the rules of {rules.name}")
    if result.measured not in rules.scenarios:
        return
    official = _values(_parse(official_conf), own, result.measured)
    for key in sorted({*_LOGGED, *_LOGGED_IN[result.measured]} & official.keys() - {*_SEEDS}):
        if key in seeds and not _same(seeds[key], float(official[key])):
            problem = f"has {key} {seeds[key]}, the file of {rules.name} has {official[key]}"
            note = key not in _FIXED
            yield result.finding(path, "conf-round", problem, "do not change this file, only user.conf", note=note)


def _differences(result: CheckedResult, values: Mapping[str, str]) -> list[_Difference]:
    """Return the values that the log holds otherwise."""
    pairs = _logged_pairs(result, values)
    return [
        _Difference(key, values[key], logged) for key, (factor, logged) in pairs.items()
        if not _same(values[key], logged, factor)
    ]  # fmt: skip


def _logged_pairs(result: CheckedResult, values: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Return the factor and the logged value of each key that the log holds too."""
    table, pairs = _LOGGED | _LOGGED_IN[result.measured], {}
    for key in sorted(values.keys() & table.keys()):
        name, factor = table[key]
        logged = result.detail.logged.get(name)
        if is_figure(logged):
            pairs[key] = (factor, logged)
    return pairs


def _same(text: str, value: float, factor: float = 1) -> bool:
    try:
        # The seeds have more digits than a float.
        return int(text, 0) == value if factor == 1 and isinstance(value, int) else _close(float(text) * factor, value)
    except ValueError:
        try:
            return _close(float(text) * factor, value)
        except ValueError:
            return False


def _close(number: float, value: float) -> bool:
    return abs(number - value) <= _SIX_DIGITS * abs(value)


def _values(lines: Sequence[_Line], model: str, scenario: str) -> dict[str, str]:
    """Return the settings of a model and a scenario as LoadGen chooses them: the most specific line, then the last."""
    places = (("*", "*"), (model, "*"), ("*", scenario), (model, scenario))
    return {line.key: line.value for place in places for line in lines if (line.model, line.scenario) == place}


def _lines(result: CheckedResult, path: Path) -> tuple[_Line, ...]:
    file = result.contents.text(path)
    return _parse(file.text) if file else ()


@lru_cache(maxsize=64)
def _parse(text: str) -> tuple[_Line, ...]:
    return tuple(_Line(*parts) for parts in _LINE.findall(text))
