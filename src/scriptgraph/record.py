"""The record of a run: what was planned, what ran, what came of it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "mlperf-home/record/1"


@dataclass(eq=False, repr=False)
class StepRecord:
    """One step: status is done, cached, skipped or failed; times are Unix time in nanoseconds."""

    title: str
    alias: str
    version: str
    status: str = "failed"
    cache_key: str | None = None
    reason: str | None = None
    start_ns: int = 0
    end_ns: int = 0
    commands: list[dict[str, Any]] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    log: str | None = None


@dataclass(eq=False, repr=False)
class Record:
    """A whole run, kept as JSON beside its logs: status is running, done, failed or interrupted.

    Attributes:
        steps: in the order in which they started.
        exports: what leaves the script that was asked for.
        plan: the steps that were settled beforehand, see `Plan.summary`.
    """

    plan_fingerprint: str
    request: dict[str, Any]
    steps: list[StepRecord] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    status: str = "running"
    error: str | None = None
    start_ns: int = 0
    end_ns: int = 0
    host: dict[str, Any] = field(default_factory=dict)
    plan: list[dict[str, Any]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the record; a reader sees the old one or the new one, never half of it."""
        document = {"schema": SCHEMA, **vars(self), "steps": [vars(step) for step in self.steps]}
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")
        partial.replace(path)


def host_facts() -> Mapping[str, Any]:
    """Say what ran the front: system, interpreter, the versions of our packages."""
    # None says that a package is not installed: a checkout used in place.
    packages = {name: _version(name) for name in ("mlperf-home", "cmind", "uv")}
    return {
        "system": _system(),
        "machine": os.uname().machine,
        "python": sys.version.split()[0],
        "packages": packages,
    }


def _system() -> str:
    """Name kernel and C library; `platform.platform` says the same, but looks for the library in our interpreter."""
    system = os.uname()
    try:
        library = (os.confstr("CS_GNU_LIBC_VERSION") or "").replace(" ", "")
    except (ValueError, OSError):  # musl does not tell
        library = ""
    return "-".join((system.sysname, system.release, system.machine, *(["with", library] if library else [])))


def _version(package: str) -> str | None:
    """Read a package's version where it is installed: `importlib.metadata` does it, and takes 10 ms to be imported."""
    prefix = f"{package.replace('-', '_')}-"
    for place in sys.path:
        try:
            names = [name for name in os.listdir(place or ".") if name.startswith(prefix)]  # noqa: PTH208 - names
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info") and (version := _stated_version(Path(place) / name / "METADATA")):
                return version
    return None


def _stated_version(metadata: Path) -> str | None:
    try:
        with metadata.open(encoding="utf-8") as lines:
            return next((line.split()[1] for line in lines if line.startswith("Version: ")), None)
    except (OSError, UnicodeDecodeError):
        return None


def new_run_folder(root: Path, alias: str) -> Path:
    """Make the folder of a run; its name sorts by time and two runs never share one."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    folder = root / f"{stamp}-{alias}-{os.getpid()}"
    (folder / "logs").mkdir(parents=True)
    return folder
