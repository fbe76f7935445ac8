"""The range of a model's published speeds on one class of CPU: the same CPU or, without results of it, its family."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mlperf_home.published.families import family_of
from mlperf_home.published.results import UNKNOWN_RUNTIME, shipped_results
from mlperf_home.run_times.speeds import ClassSpeed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.published.results import PublishedSystem

    Speeds = Mapping[tuple[str, str], Sequence[tuple[PublishedSystem, float]]]

# On quantised models LiteRT is up to this much faster than published runtimes, tflite-runtime up to this much slower.
_RUNTIME_GAIN = 9.0
# The range of a family's other systems, this much wider on each side, contains nine of ten published times.
_WIDER_IMAGES, _WIDER_BERTS = 1.5, 2.0
_OTHER_MACHINES = frozenset({"armnn-opencl", "accelerator", UNKNOWN_RUNTIME})


def image_speed(cpu: str, model: str, *, backend: str, quantised: bool) -> ClassSpeed | None:
    """Return the range of SingleStream latencies of an image classifier; None if none is published for this class."""
    found = _of_class(_speeds("images").get(("SingleStream", model), ()), cpu)
    if not found:
        return None
    fastest_s, slowest_s = (
        min(each for _, each in found) / _WIDER_IMAGES,
        max(each for _, each in found) * _WIDER_IMAGES,
    )
    count, gain = len(found), f"{_RUNTIME_GAIN:.0f} times"
    if quantised and backend == "tflite":
        slower = _basis(count, f"; tflite-runtime may be {gain} slower")
        return ClassSpeed(fastest_s, slowest_s * _RUNTIME_GAIN, slower)
    if quantised:
        return ClassSpeed(fastest_s / _RUNTIME_GAIN, slowest_s, _basis(count, f"; LiteRT may be {gain} faster"))
    return ClassSpeed(fastest_s, slowest_s, _basis(count))


def bert_speed(cpu: str, cores: float, model: str, runtime: str) -> ClassSpeed | None:
    """Return the range of Offline times of one sample of BERT on `cores` cores; None if none is published.

    Samples per second grow with the cores at most, so the range of a core is that of its family.
    """
    rows = _speeds("berts").get(("Offline", model), ())
    found = _of_class([each for each in rows if each[0].runtime == runtime and _cores(each[0])], cpu)
    if not found:
        return None
    times = [each * _cores(system) / cores for system, each in found]
    systems = len({system.platform for system, _ in found})
    return ClassSpeed(min(times) / _WIDER_BERTS, max(times) * _WIDER_BERTS, _basis(systems))


def _basis(systems: int, doubt: str = "") -> str:
    count = "1 system" if systems == 1 else f"{systems} systems"
    return f"published results of this class of CPU ({count}{doubt})"


def _of_class(rows: Sequence[tuple[PublishedSystem, float]], cpu: str) -> Sequence[tuple[PublishedSystem, float]]:
    family = family_of(cpu, "")
    if not family:
        return ()
    same = [each for each in rows if each[0].cpu == cpu]
    return same or [each for each in rows if each[0].family == family]


@cache
def _speeds(name: str) -> Speeds:
    """Return the systems and times of a sample in seconds, by scenario and model; read once in a process."""
    results = shipped_results(name)
    table: dict[tuple[str, str], list[tuple[PublishedSystem, float]]] = {}
    for row in results.rows:
        system, scenario = results.systems[row.system], results.scenarios[row.scenario]
        rate = row.samples_per_second if row.latency_ms is None else 1000 / row.latency_ms
        if rate and system.runtime not in _OTHER_MACHINES and not system.live_preprocessing:
            table.setdefault((scenario, results.models[row.model].name), []).append((system, 1 / rate))
    return table


def _cores(system: PublishedSystem) -> float:
    """Return the cores of all sockets; 0 if they are unknown or of several kinds."""
    words = (system.cores, system.sockets)
    return float(system.cores) * float(system.sockets) if all(word.isdecimal() for word in words) else 0.0
