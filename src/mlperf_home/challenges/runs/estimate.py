"""How long a challenge will take on this machine: what a short run measured, and what follows from it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.work import forget_probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Probe, Workflow
    from mlperf_home.challenges.definition.work import Work
    from mlperf_home.challenges.runs.workflows import Runner

_HOUR_S = 3600
LIMIT_S = 120
"""What a probe may take once model, dataset and environment are there: opening, calibrating, LoadGen."""
LIMIT_KEY = "CM_MLPERF_TIME_LIMIT_S"


@dataclass(frozen=True)
class Estimate:
    """What is known of a workflow's time.

    Attributes:
        workflow: its name.
        hours: estimated; None: not known.
        sample_ms: measured by the probe, one sample; None: not measured.
        how: in words: what was measured, what was assumed, or why nothing is known.
    """

    workflow: str
    hours: float | None
    sample_ms: float | None
    how: str

    def __str__(self) -> str:
        hours = "not known" if self.hours is None else f"about {self.hours:.2f} h (estimated)"
        measured = "" if self.sample_ms is None else f"; measured: {self.sample_ms:.4g} ms a sample"
        return f"{hours}{measured}; {self.how}"


def estimate(work: Work, workflows: Sequence[Workflow], runner: Runner, say: Callable[[str], None]) -> list[Estimate]:
    """Probe each workflow that has a probe and is not done; a probe that fails leaves its time unknown."""
    found = []
    for workflow in workflows:
        probe = workflow.mode(sample=work.asked.sample).probe
        if work.is_done(workflow.name):
            found.append(Estimate(workflow.name, 0.0, None, "done already"))
        elif probe is None:
            found.append(Estimate(workflow.name, None, None, "it has no probe"))
        else:
            say(f"probing {workflow.name}, at most {LIMIT_S} s once what it needs is here")
            found.append(_probed(work, workflow.name, probe, runner))
    return found


def _probed(work: Work, name: str, probe: Probe, runner: Runner) -> Estimate:
    folder = work.root / "probe" / name
    forget_probe(folder)
    limited = replace(probe.call, env={**probe.call.env, LIMIT_KEY: LIMIT_S})
    error, _ = runner(limited, {"results_dir": str(folder), "hw_name": work.asked.hw_name})
    found = _measured_when_it_ended(folder) if error else _measured(folder)
    if found is None:
        return Estimate(name, None, None, f"the probe failed: {error}" if error else "the probe left no target")
    sample_s, how = found
    cost_s = sample_s * probe.relative_cost
    performance_s = max(probe.least_s, probe.performance_samples * cost_s)
    hours = (probe.fixed_s + performance_s + probe.accuracy_samples * cost_s) / _HOUR_S
    return Estimate(name, hours, 1000 * sample_s, f"{how}; assumed: {probe.source}")


def _measured(folder: Path) -> tuple[float, str] | None:
    """Give the seconds of a sample that a find-performance run has measured, and how."""
    how = "from the probe's sample"
    for path in sorted(folder.glob("*_results/*/*/*/find-performance-session.json")):
        with suppress(OSError, ValueError, AttributeError, TypeError):  # another tool's, or half-written
            target: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("target") or {}
            if qps := target.get("target_qps"):
                return 1 / float(qps), how
            if latency := target.get("target_latency_ms"):
                return float(latency) / 1000, how
    return None


def _measured_when_it_ended(folder: Path) -> tuple[float, str] | None:
    """Give the seconds of a sample of what a find-performance run had done when its time was over."""
    for path in sorted(folder.glob("*_results/*/*/*/find-performance-session.error.json")):
        with suppress(OSError, ValueError, AttributeError, TypeError):
            done: dict[str, float] = json.loads(path.read_text(encoding="utf-8")).get("done") or {}
            if samples := done.get("samples"):
                took_s = done["seconds"]
                how = f"the probe was ended at its limit of {LIMIT_S} s: {samples:.0f} samples in {took_s:.0f} s"
                return took_s / samples, how
    return None
