"""The place of a value among those that others published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.published.results import PublishedResults, PublishedSystem

RUNTIMES = {"litert": "litert", "tflite": "tflite-runtime", "deepsparse": "deepsparse", "onnxruntime": "onnx"}
"""The runtime class of each engine.

Neither LiteRT nor tflite-runtime is a class of published results, which used TFLite's C++ API and ArmNN: on x86,
tflite-runtime takes 8 times as long for a quantised MobileNet as for a float one, C++ TFLite 0.5 to 1.5 times.
"""


@dataclass(frozen=True)
class PublishedValue:
    """One system's published value: a latency or a rate."""

    system: PublishedSystem
    value: float

    @property
    def cpu(self) -> str:
        """The name of the CPU; of the system if the CPU was not published."""
        return self.system.cpu or self.system.name


@dataclass(frozen=True)
class PublishedPlace:
    """The place of one value.

    Attributes:
        faster: the systems that are as fast or faster, the nearest first.
        slower: the systems that are slower, the nearest first.
    """

    faster: tuple[PublishedValue, ...]
    slower: tuple[PublishedValue, ...]

    @property
    def systems(self) -> int:
        """The number of compared systems."""
        return len(self.faster) + len(self.slower)

    @property
    def cpus(self) -> int:
        """The number of their different CPUs."""
        return len({each.cpu for each in (*self.faster, *self.slower)})

    @property
    def percentile(self) -> float:
        """The percentage of the systems that are slower."""
        return 100 * len(self.slower) / self.systems


def place_among(published: Iterable[PublishedValue], value: float, *, less_is_better: bool) -> PublishedPlace | None:
    """Return the place of a value; None if nothing comparable was published."""
    sign = 1 if less_is_better else -1
    fastest_first = sorted(published, key=lambda each: sign * each.value)
    faster = [each for each in fastest_first if sign * each.value <= sign * value]
    slower = fastest_first[len(faster) :]
    return PublishedPlace(tuple(reversed(faster)), tuple(slower)) if fastest_first else None


def published_values(results: PublishedResults, model: str, scenario: str, metric: str) -> list[PublishedValue]:
    """Return each system's value of a metric, latency_ms or samples_per_second, for a model and scenario.

    Systems with live preprocessing are left out; of a repeated result, the last counts.
    """
    values: dict[int, float] = {}
    for row in results.rows:
        named = (results.models[row.model].name, results.scenarios[row.scenario]) == (model, scenario)
        value = row.latency_ms if metric == "latency_ms" else row.samples_per_second
        if named and value is not None and not results.systems[row.system].live_preprocessing:
            values[row.system] = value
    return [PublishedValue(results.systems[number], value) for number, value in values.items()]
