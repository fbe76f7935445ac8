"""The record of a run: what was planned, what ran, what came of it."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = "mlperf-home/record/1"


@dataclass
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


@dataclass
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
        document = {"schema": SCHEMA, **asdict(self)}
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")
        partial.replace(path)


def host_facts() -> Mapping[str, Any]:
    """Say what ran the front: system, interpreter, the versions of our packages."""
    # None says that a package is not installed: a checkout used in place.
    packages = {name: _version(name) for name in ("mlperf-home", "cmind", "uv")}
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "python": sys.version.split()[0],
        "packages": packages,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def new_run_folder(root: Path, alias: str) -> Path:
    """Make the folder of a run; its name sorts by time and two runs never share one."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    folder = root / f"{stamp}-{alias}-{os.getpid()}"
    (folder / "logs").mkdir(parents=True)
    return folder
