"""The record of a run: what was planned, what ran, what came of it."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.files.atomic import LockedJson, replace_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Before an address's @: all of it with http, where it may be a token; elsewhere what has a password, for ssh://git@host
# is no secret and a replay needs it. A query stays too, for the same reason.
_CREDENTIALS = re.compile(r"(?:(?<=http://)|(?<=https://))[^/@\s\"\\]+@|(?<=://)[^/@:\s\"\\]*:[^/@\s\"\\]+@")


class StepRecord:
    """One step: status is done, cached, skipped or failed; times are Unix time in nanoseconds."""

    def __init__(self, title: str, alias: str, version: str, start_ns: int = 0) -> None:
        self.title, self.alias, self.version, self.start_ns, self.end_ns = title, alias, version, start_ns, 0
        self.status = "failed"
        self.cache_key: str | None = None
        self.reason: str | None = None
        self.commands: list[dict[str, Any]] = []
        self.exports: dict[str, Any] = {}
        self.log: str | None = None


class Record:
    """A whole run, kept as JSON beside its logs: status is running, done, failed or interrupted.

    Attributes:
        steps: in the order in which they started.
        exports: what leaves the script that was asked for.
        plan: the steps that were settled beforehand, see `Plan.summary`.
    """

    def __init__(self, schema: str, plan_fingerprint: str, request: Mapping[str, Any], start_ns: int = 0) -> None:
        self.schema = schema
        self.plan_fingerprint, self.request = plan_fingerprint, dict(request)
        self.status, self.start_ns, self.end_ns = "running", start_ns, 0
        self.error: str | None = None
        self.host: dict[str, Any] = {}
        self.plan: list[dict[str, object]] = []
        self.steps: list[StepRecord] = []
        self.exports: dict[str, Any] = {}

    def write(self, path: Path) -> None:
        """Write the record; a reader sees the old one or the new one, never half of it.

        User and password before an address's @ are masked: records are shown, copied and put into bundles.
        """
        document = {**vars(self), "steps": [vars(step) for step in self.steps]}
        # What is read by people is the end; of what runs, one line will do, which is written ten times as fast.
        indent = None if self.status == "running" else 1
        text = json.dumps(document, indent=indent, default=str)
        if "@" in text:  # each short command pays for the search else
            text = _CREDENTIALS.sub("***@", text)
        replace_bytes(path, (text + "\n").encode())


def host_facts(packages: Sequence[str]) -> Mapping[str, Any]:
    """Return what runs the engine: system, interpreter, the versions of packages."""
    system = os.uname()
    try:
        library = (os.confstr("CS_GNU_LIBC_VERSION") or "").replace(" ", "")
    except (ValueError, OSError):  # musl does not tell
        library = ""
    parts = (system.sysname, system.release, system.machine, *(["with", library] if library else []))
    # None says that a package is not installed: a checkout used in place.
    return {
        # As `platform.platform` says it, which looks for the C library in our interpreter.
        "system": "-".join(parts),
        "machine": system.machine,
        "python": sys.version.split()[0],
        "packages": installed_versions(packages),
    }


def installed_versions(packages: Sequence[str]) -> dict[str, str | None]:
    """Read the versions of installed packages: `importlib.metadata` does it, and takes 10 ms to be imported."""
    found: dict[str, str | None] = dict.fromkeys(packages)
    prefixes = {f"{package.replace('-', '_')}-": package for package in packages}
    for place in sys.path:
        try:
            names = [name for name in os.listdir(place or ".") if name.startswith(tuple(prefixes))]  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            package = next(package for prefix, package in prefixes.items() if name.startswith(prefix))
            if name.endswith(".dist-info") and found[package] is None:
                path = Path(place, name, "METADATA")
                with suppress(OSError, UnicodeDecodeError), path.open(encoding="utf-8") as lines:
                    found[package] = next((line.split()[1] for line in lines if line.startswith("Version: ")), None)
    return found


def new_run_folder(root: Path, alias: str) -> Path:
    """Make the folder of a run; its name sorts by time and two runs never share one."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    folder = root / f"{stamp}-{alias}-{os.getpid()}"
    (folder / "logs").mkdir(parents=True)
    return folder


# What is shorter is nothing to wait for, and writing it down would take longer than it tells.
LEAST_S = 1.0


class Durations:
    """Seconds by a step's title, the last time that it did its work, in one JSON file below `state`."""

    def __init__(self, state: Path) -> None:
        self._kept = LockedJson(state / "durations.json")

    def known(self) -> Mapping[str, float]:
        """Return the seconds by title."""
        return {title: each for title, each in self._kept.read().items() if isinstance(each, (int, float))}

    def note(self, steps: list[StepRecord]) -> None:
        """Keep the durations of those steps that did something for a second or more."""
        took = {each.title: (each.end_ns - each.start_ns) / 1e9 for each in steps if each.status == "done"}
        long = {title: round(seconds, 3) for title, seconds in took.items() if seconds >= LEAST_S}
        if long:
            self._kept.update(lambda document: document.update(long))
