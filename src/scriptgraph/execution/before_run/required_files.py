"""List the files that a run would fetch, and report all unavailable ones before the first step."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.file_facts import DownloadFacts, facts_of
from scriptgraph.fetch.sources import FileSource, SourceError
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from scriptgraph.execution.run_step import Download
    from scriptgraph.execution.traversal import StepPreview

_CONNECT_S = 4.0
_PORTS = {"http": 80, "https": 443}


class RequiredFile(Immutable):
    """A download that a step needs.

    Attributes:
        step: the step's title.
        hosts: the host and port of each source.
        shown: the sources without secrets, for messages.
        local: the file on this machine that would be used, or None.
        place: the path where the user can put the file; None if it is not a single file.
        facts: its licence and approximate size.
    """

    step: str
    download: Download
    hosts: tuple[tuple[str, int], ...]
    shown: tuple[str, ...]
    local: Path | None
    place: Path | None
    facts: DownloadFacts = DownloadFacts()

    @property
    def size_bytes(self) -> int | None:
        """The size, or an approximate one by its publisher; None if it is unknown."""
        return self.download.size_bytes or self.facts.about_bytes


class MissingFilesError(ScriptGraphError):
    """Files of a run are unavailable; the text lists each with its sources and the place to put it."""

    def __init__(self, why: str, files: Iterable[RequiredFile]) -> None:
        self.why, self.files = why, tuple(files)
        super().__init__(why, self.files)

    def __str__(self) -> str:
        lines = [f"{self.why}: {len(self.files)} missing; nothing was started."]
        for number, each in enumerate(self.files, start=1):
            size = f", {each.download.size_bytes:,} bytes" if each.download.size_bytes else ""
            place = f"; put it at {each.place}" if each.place else "; fetch it by --prefetch where there is a network"
            source = f" from {' or '.join(each.shown)}" if each.shown else ""
            checked = f" ({each.download.digests[0]})" if each.download.digests else ""
            lines.append(f"  {number}. {each.download.name}{size}{source}{checked}{place} [for {each.step}]")
        return "\n".join(lines)


def list_required_files(
    root: StepPreview, mirrors: Mapping[str, str], user_downloads: Path, file_facts: Path | None = None
) -> list[RequiredFile]:
    """Return the downloads of a run once each, in its order; `file_facts` is a product's table of their facts."""
    found: dict[tuple[str, tuple[str, ...]], RequiredFile] = {}
    for step in root.all():
        for each in step.downloads:
            key = (each.name, each.sources)
            if key not in found:
                facts = facts_of(each.sources, file_facts)
                found[key] = _required_file(step.step.title, each, mirrors, user_downloads).replaced(facts=facts)
    return list(found.values())


def require_reachable(
    files: Iterable[RequiredFile], *, offline: bool, connects: Callable[[tuple[str, int]], bool] | None = None
) -> None:
    """Raise if a needed file is unavailable.

    Args:
        files: the downloads of the run.
        offline: whether hosts must not be contacted.
        connects: returns whether a host and port answer; None to connect.

    Raises:
        MissingFilesError: a needed file is neither on this machine nor at a reachable host.
    """
    needed = [each for each in files if each.download.needed and each.local is None]
    if offline:
        if needed:
            raise MissingFilesError("--offline", needed)
        return
    if getproxies().keys() - {"no"}:
        return  # only the proxy knows which hosts it reaches
    hosts = sorted({host for each in needed for host in each.hosts})
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        answers = dict(zip(hosts, pool.map(connects or _connects, hosts), strict=True))
    missing = [each for each in needed if each.hosts and not any(answers[host] for host in each.hosts)]
    if missing:
        raise MissingFilesError("no host with the files can be reached", missing)


def _required_file(step: str, download: Download, mirrors: Mapping[str, str], user_downloads: Path) -> RequiredFile:
    sources = []
    for address in download.sources:
        with suppress(SourceError):  # the step itself reports the error
            sources.append(FileSource.parse(address, mirrors))
    place = user_downloads / download.name if download.sources and os.sep not in download.name else None
    local = [each.path for each in sources if each.path is not None]
    found = next((path for path in (*([place] if place else []), *local) if path.is_file()), None)
    urls = [urlsplit(each.url) for each in sources if each.path is None]
    hosts = tuple((str(url.hostname), url.port or _PORTS.get(url.scheme, 443)) for url in urls)
    return RequiredFile(step, download, hosts, tuple(str(each) for each in sources), found, place)


def _connects(host: tuple[str, int]) -> bool:
    try:
        socket.create_connection(host, timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True
