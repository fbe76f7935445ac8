"""Compare what /sys, lscpu and /proc/cpuinfo tell of sockets, cores and threads, and choose counts that multiply out.

No source is believed alone: in virtual machines and containers one of them may show another machine, or nonsense.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import count_listed

if TYPE_CHECKING:
    from mlperf_home.machine.cpu.cpuinfo import CpuInfo, Lscpu
    from mlperf_home.machine.cpu.sysfs import CpuFiles

_THREADS = "Thread(s) per core"
_COUNTS = {"sockets": "sockets", "cores": "cores", "threads_per_core": "threads per core", "logical": "CPUs"}


@dataclass(frozen=True)
class Topology:
    """The counts of one source; unknown ones are None.

    Attributes:
        source: the source's name.
        cores: the physical cores of all sockets.
        threads_per_core: None too where cores have different numbers of threads.
        logical: the logical CPUs on-line.
        fault: how its counts contradict each other; empty if they do not.
    """

    source: str
    sockets: int | None = None
    cores: int | None = None
    threads_per_core: int | None = None
    logical: int | None = None
    fault: str = ""

    @property
    def words(self) -> str:
        """The known counts: "1 socket, 4 cores, 8 CPUs"."""
        known = [(getattr(self, name), words) for name, words in _COUNTS.items()]
        return ", ".join(f"{count} {words[:-1] if count == 1 else words}" for count, words in known if count)

    def differs(self, other: Topology) -> bool:
        """Whether a count that both know differs."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in _COUNTS)
        return any(mine != theirs for mine, theirs in pairs if mine is not None and theirs is not None)

    def completed(self, other: Topology) -> Topology:
        """Return these counts, with the unknown ones from another source that does not differ."""
        return replace(self, **{name: getattr(other, name) for name in _COUNTS if getattr(self, name) is None})


@dataclass(frozen=True)
class ComparedTopology:
    """The counts that the sources agree on, and sentences about the sources that differ."""

    counts: Topology
    disagreements: tuple[str, ...]


def compare_topologies(lscpu: Lscpu, info: CpuInfo, files: CpuFiles) -> ComparedTopology:
    """Return the counts of the source that most others agree with; /sys goes first, then lscpu, then /proc/cpuinfo."""
    kernel = _of_files(files)
    sources = [each for each in (kernel, _of_lscpu(lscpu, kernel), _of_cpuinfo(info)) if each.words]
    sound = [each for each in sources if not each.fault]
    notes = [
        f"{each.source} contradicts itself ({each.fault}): its counts are not used" for each in sources if each.fault
    ]
    if not sound:
        return ComparedTopology(Topology("no source", logical=kernel.logical), tuple(notes))
    best = max(sound, key=lambda each: sum(not each.differs(other) for other in sound))
    counts = best
    for other in sound:
        if best.differs(other):
            notes.append(f"{other.source} tells of {other.words}, {best.source} of {best.words}: {best.source} is used")
        elif not counts.differs(other):
            counts = counts.completed(other)
    if counts.fault or _product_fault(counts):
        counts = replace(counts, sockets=None, cores=None, threads_per_core=None)
    return ComparedTopology(counts, tuple(notes))


def _product_fault(counts: Topology) -> str:
    """Return how sockets, cores and threads contradict the number of CPUs; empty if they do not."""
    sockets, cores, threads, logical = counts.sockets, counts.cores, counts.threads_per_core, counts.logical
    if sockets and cores and sockets > cores:
        return f"{sockets} sockets have {cores} cores"
    if cores and logical and cores > logical:
        return f"{cores} cores have {logical} CPUs"
    if cores and threads and logical and cores * threads != logical:
        return f"{cores} cores x {threads} threads are not {logical} CPUs"
    return ""


def _of_files(files: CpuFiles) -> Topology:
    names = files.core_names()
    counts = Topology("/sys", files.sockets(), files.cores(), _equal(Counter(names.values())), files.logical_cpus)
    return replace(counts, fault=_product_fault(counts) or files.siblings_fault())


def _of_cpuinfo(info: CpuInfo) -> Topology:
    cores = Counter(info.core_of_each())
    counts = Topology("/proc/cpuinfo", info.sockets, info.cores, _equal(cores), len(info.processors) or None)
    stated = {cpu.get("cpu cores") for cpu in info.processors}
    fault = _product_fault(counts)
    if not fault and counts.sockets and counts.cores and len(stated) == 1 and (text := stated.pop() or "").isdecimal():
        # Fewer cores may be on-line than a socket has. Numbers of cores that repeat in each die look like fewer, too.
        most = counts.sockets * int(text)
        fault = f"{counts.sockets} x {text} cores are fewer than {counts.cores}" if most < counts.cores else ""
    return replace(counts, fault=fault)


def _of_lscpu(lscpu: Lscpu, kernel: Topology) -> Topology:
    """Return lscpu's counts; it tells the most threads of a core, where cores differ in them."""
    sockets, per_socket, threads = lscpu.count("Socket(s)"), lscpu.total("Core(s) per socket"), lscpu.count(_THREADS)
    online = count_listed(lscpu.fields.get("On-line CPU(s) list", [""])[0]) or lscpu.count("CPU(s)")
    clusters, per_cluster = lscpu.count("Cluster(s)"), lscpu.count("Core(s) per cluster")
    cores = sockets * per_socket if sockets and per_socket else None
    cores = clusters * per_cluster if cores is None and clusters and per_cluster else cores
    counts = Topology("lscpu", sockets, cores, threads, online)
    if kernel.cores is not None:
        uneven = kernel.threads_per_core is None and kernel.cores == cores
    else:
        uneven = bool(cores and threads and online and cores < online < cores * threads)
    counts = replace(counts, threads_per_core=None) if uneven else counts
    return replace(counts, fault=_product_fault(counts))


def _equal(counts: Counter[str | None]) -> int | None:
    """Return the number of threads of every core; None if cores differ in it, or one is unknown."""
    numbers = set(counts.values())
    return numbers.pop() if None not in counts and len(numbers) == 1 else None
