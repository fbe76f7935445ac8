"""Results of systems that others published, shipped as compressed facts; NOTICE.md has their source and licence."""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from mlperf_home.contracts.codec import Document, parse_document
from mlperf_home.errors import LocatedError
from scriptgraph.files.json_reader import Limits
from scriptgraph.files.parsing import parsing

RESULTS_LIMITS = Limits(size=8 << 20, depth=6, values=400_000)
_FOLDER = Path(__file__).parent
_PACKED_LIMIT = 4 << 20
_SUFFIX = ".json.xz"
_ADVICE = "install mlperf-home again"

Index = Annotated[int, Meta(ge=0, lt=1 << 20)]
Quantity = Annotated[float, Meta(gt=0, lt=1e12)] | None
Percent = Annotated[float, Meta(ge=0, le=100)] | None

UNKNOWN_RUNTIME = "unknown"
"""The runtime class of a system whose own fields contradict each other."""


class PublishedTableError(LocatedError):
    """A file of published results cannot be read."""


class PublishedModel(Document):
    """A model, with the millions of multiplications of one inference; null if nobody published them."""

    name: str
    macs_m: Quantity = None


class PublishedSystem(Document):
    """A system and its software.

    Attributes:
        cpu: the name of the CPU as published; empty if none was.
        family: CPUs of one family have the same kind of cores.
        runtime: the runtime class; latencies of different classes are not compared.
        live_preprocessing: whether its latencies include preprocessing.
    """

    round: str
    organization: str
    platform: str
    name: str
    cpu: str
    family: str
    sockets: str
    cores: str
    framework: str
    runtime: str
    live_preprocessing: bool = False


class PublishedRow(NamedTuple):
    """A result: the numbers of its system, model and scenario, then its values; null if not published."""

    system: Index
    model: Index
    scenario: Index
    latency_ms: Quantity
    samples_per_second: Quantity
    accuracy_percent: Percent
    energy_mj: Quantity
    power_w: Quantity


class PublishedResults(Document):
    """Published results of one benchmark.

    Attributes:
        source: the repository of the results.
        licence: the licence of that repository.
        left_out: what the file leaves out of the source.
        sample: whether the systems are made up, for the embedded sample.
        probes: the models in the order in which measuring them tells most about the others.
    """

    schema: Literal[1]
    benchmark: str
    source: str
    licence: str
    left_out: str
    sample: bool
    scenarios: tuple[str, ...]
    models: tuple[PublishedModel, ...]
    systems: tuple[PublishedSystem, ...]
    rows: tuple[PublishedRow, ...]
    probes: tuple[str, ...] = ()

    def latencies(self, scenario: str = "SingleStream") -> list[tuple[PublishedSystem, Mapping[str, float]]]:
        """Return the latencies in milliseconds by model of each system that can be compared.

        Systems with live preprocessing are left out.
        """
        tables: dict[int, dict[str, float]] = {}
        for row in self.rows:
            if self.scenarios[row.scenario] == scenario and row.latency_ms is not None:
                tables.setdefault(row.system, {})[self.models[row.model].name] = row.latency_ms
        return [
            (self.systems[number], table)
            for number, table in sorted(tables.items())
            if not self.systems[number].live_preprocessing
        ]


@cache
def shipped_results(name: str) -> PublishedResults:
    """Return the shipped results called `name`: images, berts, or the made-up sample.

    Raises:
        PublishedTableError: the file is absent or damaged.
    """
    return read_results(_FOLDER / f"{name}{_SUFFIX}")


def read_results(path: Path) -> PublishedResults:
    """Read a compressed file of published results, within limits.

    Raises:
        PublishedTableError: the file is absent or damaged, exceeds a limit, or names a number that it does not have.
    """
    where = str(path)
    try:
        with path.open("rb") as file:
            packed = file.read(_PACKED_LIMIT + 1)
    except OSError as error:
        raise PublishedTableError(where, f"cannot be read ({error.strerror})", _ADVICE) from None
    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=32 << 20)
    with parsing(lambda reason: PublishedTableError(where, f"is damaged ({reason})", _ADVICE), PublishedTableError):
        content = decompressor.decompress(packed, RESULTS_LIMITS.size + 1)
        if not decompressor.eof and len(content) <= RESULTS_LIMITS.size:
            raise PublishedTableError(where, "is damaged (it ends too early)", _ADVICE)
    results = parse_document(content, PublishedResults, where, RESULTS_LIMITS)
    ends = (len(results.systems), len(results.models), len(results.scenarios))
    for number, row in enumerate(results.rows):
        if any(index >= end for index, end in zip(row[:3], ends, strict=True)):
            raise PublishedTableError(where, f"rows/{number} names a system, model or scenario that is absent", _ADVICE)
    return results


def pack(content: bytes) -> bytes:
    """Compress the text of published results; equal texts have equal bytes."""
    return lzma.compress(content, lzma.FORMAT_XZ, preset=6 | lzma.PRESET_EXTREME)
