"""Machines that bundles are made up for: from published rows, honest or lying."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mlperf_home.published.results import PublishedSystem

_SPREAD = 0.02
_ODD_RUNTIMES = frozenset({"armnn-opencl", "unknown"})


@dataclass(frozen=True)
class SyntheticMachine:
    """A machine with the values that its bundle is to have.

    Attributes:
        runtime: the runtime class, which is the engine's name in the bundle.
        latencies_ms: the 90th percentile of SingleStream, by model.
        top1_percent: the accuracy, by model.
        seed: what makes its logs differ from others with the same values.
    """

    cpu: str
    cores: int
    features: tuple[str, ...]
    architecture: str
    runtime: str
    latencies_ms: Mapping[str, float]
    top1_percent: Mapping[str, float]
    seed: int = 0

    def again(self, seed: int, spread: float = _SPREAD) -> SyntheticMachine:
        """Return another machine of its class: each latency differs by so much, normally."""
        draw = random.Random(seed)  # noqa: S311 - no secret
        latencies = {name: value * draw.lognormvariate(0, spread) for name, value in self.latencies_ms.items()}
        return replace(self, latencies_ms=latencies, seed=seed)

    def scaled(self, factor: float, models: Collection[str] | None = None) -> SyntheticMachine:
        """Return a liar: the latencies of all or some models, multiplied."""
        latencies = {
            name: value * (factor if models is None or name in models else 1)
            for name, value in self.latencies_ms.items()
        }
        return replace(self, latencies_ms=latencies)

    def mixed_with(self, other: SyntheticMachine) -> SyntheticMachine:
        """Return a liar: every second latency is that of another machine or engine."""
        names = list(self.latencies_ms)[::2]
        taken = {name: other.latencies_ms[name] for name in names if name in other.latencies_ms}
        return replace(self, latencies_ms={**self.latencies_ms, **taken})

    def called(self, other: SyntheticMachine) -> SyntheticMachine:
        """Return a liar: these values under the name of another CPU."""
        facts = {name: getattr(other, name) for name in ("cpu", "cores", "features", "architecture")}
        return replace(self, **facts)

    def only(self, count: int) -> SyntheticMachine:
        """Return the machine with so many of its models, from all sizes."""
        names = sorted(self.latencies_ms, key=lambda name: self.latencies_ms[name])
        kept = names[:: max(1, len(names) // count)][:count]
        return replace(self, latencies_ms={name: self.latencies_ms[name] for name in kept})


def published_machines() -> list[SyntheticMachine]:
    """Return a machine for each published system with all models; no two have one CPU, number of cores and runtime."""
    results = shipped_results("images")
    models = [row for row in read_classifiers() if not row.sample]
    top1 = {row.model: percent for row in models if (percent := row.accuracy(as_published=False)[0]) is not None}
    found: dict[tuple[str, int, str], SyntheticMachine] = {}
    for system, table in results.latencies():
        latencies = {row.model: table[row.model] for row in models if row.model in table and row.model in top1}
        cores = int(system.cores) if system.cores.isdecimal() else 0
        if len(latencies) == len(top1) and system.cpu and cores and system.runtime not in _ODD_RUNTIMES:
            machine = SyntheticMachine(system.cpu, cores, *_features(system), system.runtime, latencies, top1)
            found.setdefault((system.cpu, cores, system.runtime), machine)
    return list(found.values())


def _features(system: PublishedSystem) -> tuple[tuple[str, ...], str]:
    """Return features and architecture that go with a CPU's name; physics reads them."""
    if any(maker in system.cpu for maker in ("AMD", "Intel")):
        return ("avx2", "f16c", "fma"), "x86_64"
    return ("asimd", "asimddp"), "aarch64"


def crowd_of(count: int, *, contributors: int = 2) -> Iterator[SyntheticMachine]:
    """Yield so many honest machines: each CPU by `contributors`, one after another, as often as needed."""
    published = published_machines()
    for number in range(count):
        base = published[number // contributors % len(published)]
        yield base.again(number + 1)
