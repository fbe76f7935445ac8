"""Lists of what is wanted, a clock without waiting, and a machine whose use is set."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.machine import this_machine

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = datetime(2026, 12, 1, 23, 0, tzinfo=timezone.utc)


def run_document(**changes: Any) -> dict[str, Any]:
    """Return a wanted run of the tiny challenge, for this machine."""
    here = this_machine()
    of = {"cpu": here.cpu_model, "cores": here.usable_cpus, "confined": here.confined, "runtime": "litert"}
    place = {"benchmark": "resnet", "scenario": "SingleStream", "model": "a", "because": "on the front, predicted"}
    run = {"challenge": "tiny@home-v1.0", "workflow": "first", "of": of, "results": 2, "places": [place], "gain": 1}
    return {**run, "hours": 1.0, "credit": 3, **changes}


def list_document(*runs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a list of a board of samples."""
    return {
        "schema": "mlperf-home/wanted/1", "board": "Board", "sample": True, "updated_utc": "2026-12-01T00:00:00+00:00",
        "runs": list(runs), "left_out": 0, **changes,
    }  # fmt: skip


def write_list(folder: Path, *runs: dict[str, Any], **changes: Any) -> Path:
    """Write a list as the site of a board has it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "wanted.json"
    path.write_text(json.dumps(list_document(*runs, **changes)), encoding="utf-8")
    return path


@dataclass
class SetClock:
    """A clock that a pause moves on."""

    at: datetime = NIGHT

    def now(self) -> datetime:
        """Return its time."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Move it on."""
        self.at += timedelta(seconds=seconds)


@dataclass
class SetUse:
    """A machine of which each look finds the next of these obstacles, then none."""

    found: list[list[str]] = field(default_factory=list)

    def obstacles(self, *, running: bool) -> list[str]:
        """Return what this look finds."""
        del running
        return self.found.pop(0) if self.found else []
