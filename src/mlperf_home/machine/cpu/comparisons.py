"""Compare what lscpu and /sys tell of caches, NUMA nodes and frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mlperf_home.machine.cpu.cpuinfo import Lscpu
    from mlperf_home.machine.cpu.sysfs import CpuFiles

# lscpu rounds sizes to a few digits, and frequencies to 0.1 kHz.
_TOLERANCE = 0.02


class Frequencies(NamedTuple):
    """The highest and the lowest frequency in MHz; an unknown one is None."""

    highest: float | None
    lowest: float | None


def read_frequencies(lscpu: Lscpu, files: CpuFiles) -> tuple[Frequencies, tuple[str, ...]]:
    """Return the frequencies, and sentences about sources that differ; /sys goes first then."""
    told = Frequencies(max(lscpu.numbers("CPU max MHz"), default=None), min(lscpu.numbers("CPU min MHz"), default=None))
    kernel = Frequencies(
        files.frequency_mhz("cpuinfo_max_freq", max) or None, files.frequency_mhz("cpuinfo_min_freq", min) or None
    )
    notes = [
        f"lscpu tells of a {name} frequency of {mine:g} MHz, /sys of {theirs:g} MHz: /sys is used"
        for name, mine, theirs in zip(Frequencies._fields, told, kernel, strict=True)
        if mine and theirs and _differ(mine, theirs)
    ]
    chosen = Frequencies(*(
        theirs if mine and theirs and _differ(mine, theirs) else mine or theirs
        for mine, theirs in zip(told, kernel, strict=True)
    ))  # fmt: skip
    if chosen.highest and chosen.lowest and chosen.lowest > chosen.highest:
        notes.append(f"the lowest frequency, {chosen.lowest:g} MHz, is above the highest: neither is used")
        chosen = Frequencies(None, None)
    return chosen, tuple(notes)


def differences(lscpu: Lscpu, files: CpuFiles) -> tuple[str, ...]:
    """Return sentences about caches and NUMA nodes in which lscpu and /sys differ; /sys is used then."""
    notes = []
    nodes, kernel_nodes = lscpu.count("NUMA node(s)"), files.numa_nodes()
    if nodes and kernel_nodes and nodes != kernel_nodes:
        notes.append(f"lscpu tells of {nodes} NUMA nodes, /sys of {kernel_nodes}: /sys is used")
    kernel = {name: (size, count) for name, size, count in files.cache_totals()}
    for name, size, count in lscpu.caches():
        # Without the number of instances, a size of lscpu is ambiguous.
        if count and name in kernel and (_differ(size, kernel[name][0]) or count != kernel[name][1]):
            theirs = _cache_words(*kernel[name])
            notes.append(f"lscpu tells of {_cache_words(size, count)} of {name} cache, /sys of {theirs}: /sys is used")
    return tuple(notes)


def _cache_words(size_bytes: int, count: int) -> str:
    return f"{size_bytes / 1024:g} KiB in {count} instance{'s' if count > 1 else ''}"


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > _TOLERANCE * max(one, other)
