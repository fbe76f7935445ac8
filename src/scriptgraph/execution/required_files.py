"""What a run would fetch, from where, and what of it cannot be had: told all at once, before the first step."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.sources import FileSource, SourceError
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from scriptgraph.execution.run_step import Download
    from scriptgraph.execution.traversal import Foreseen

_CONNECT_S = 4.0
_PORTS = {"http": 80, "https": 443}


class Fetch(Immutable):
    """One thing that a step would fetch.

    Attributes:
        step: the step's title.
        hosts: name and port of each address that would be asked.
        shown: the addresses, without secrets.
        local: the file on this machine that it would be taken from, or None.
        place: where the user can put it; None for what is no single file.
    """

    step: str
    download: Download
    hosts: tuple[tuple[str, int], ...]
    shown: tuple[str, ...]
    local: Path | None
    place: Path | None


class MissingFilesError(ScriptGraphError):
    """Things that a run needs and cannot have; each with where it would come from and where to put it."""

    def __init__(self, why: str, fetches: Iterable[Fetch]) -> None:
        self.why, self.fetches = why, tuple(fetches)
        super().__init__(why, self.fetches)

    def __str__(self) -> str:
        lines = [f"{self.why}: {len(self.fetches)} missing; nothing was started."]
        for number, each in enumerate(self.fetches, start=1):
            size = f", {each.download.size_bytes:,} bytes" if each.download.size_bytes else ""
            place = f"; put it at {each.place}" if each.place else "; fetch it by --prefetch where there is a network"
            source = f" from {' or '.join(each.shown)}" if each.shown else ""
            checked = f" ({each.download.digests[0]})" if each.download.digests else ""
            lines.append(f"  {number}. {each.download.name}{size}{source}{checked}{place} [for {each.step}]")
        return "\n".join(lines)


def fetches(root: Foreseen, mirrors: Mapping[str, str], brought: Path) -> list[Fetch]:
    """List what a run would fetch, each thing once, in the order in which it would."""
    found: dict[tuple[str, tuple[str, ...]], Fetch] = {}
    for step in root.all():
        for each in step.downloads:
            found.setdefault((each.name, each.sources), _fetch(step.step.title, each, mirrors, brought))
    return list(found.values())


def require_reachable(
    wanted: Iterable[Fetch], *, offline: bool, connects: Callable[[tuple[str, int]], bool] | None = None
) -> None:
    """Refuse a run of which something cannot be had.

    Args:
        wanted: what the run would fetch.
        offline: whether no host may be asked at all.
        connects: whether a host and port answer; None to try.

    Raises:
        MissingFilesError: something needed is neither on this machine nor at a host that answers.
    """
    needed = [each for each in wanted if each.download.needed and each.local is None]
    if offline:
        if needed:
            raise MissingFilesError("--offline", needed)
        return
    if getproxies().keys() - {"no"}:
        return  # the proxy alone knows which hosts it reaches
    hosts = sorted({host for each in needed for host in each.hosts})
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        answers = dict(zip(hosts, pool.map(connects or _connects, hosts), strict=True))
    missing = [each for each in needed if each.hosts and not any(answers[host] for host in each.hosts)]
    if missing:
        raise MissingFilesError("no host that has it can be reached", missing)


def _fetch(step: str, download: Download, mirrors: Mapping[str, str], brought: Path) -> Fetch:
    sources = []
    for given in download.sources:
        with suppress(SourceError):  # the step itself says what is wrong with it
            sources.append(FileSource.parse(given, mirrors))
    place = brought / download.name if download.sources and os.sep not in download.name else None
    local = [each.path for each in sources if each.path is not None]
    there = next((path for path in (*([place] if place else []), *local) if path.is_file()), None)
    urls = [urlsplit(each.url) for each in sources if each.path is None]
    hosts = tuple((str(url.hostname), url.port or _PORTS.get(url.scheme, 443)) for url in urls)
    return Fetch(step, download, hosts, tuple(str(each) for each in sources), there, place)


def _connects(host: tuple[str, int]) -> bool:
    try:
        socket.create_connection(host, timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True
