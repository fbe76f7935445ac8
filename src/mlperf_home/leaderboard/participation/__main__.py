"""Run a challenge's workflow while nobody uses the machine: `--request FILE`; the last line tells how it ended."""

from __future__ import annotations

import argparse
import time
from datetime import datetime, timezone
from pathlib import Path

from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.leaderboard.participation import PARTICIPATION_LIMITS, GuardedRun
from mlperf_home.leaderboard.participation.guarded_run import Guard, report, run_challenge, run_guarded
from mlperf_home.leaderboard.participation.machine_use import MachineUse


def main() -> None:
    """Run it, and print its ending."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--request", type=Path, required=True)
    request = read_document(parser.parse_args().request, GuardedRun, PARTICIPATION_LIMITS)
    guard = Guard(MachineUse(time.monotonic), request, lambda: datetime.now(timezone.utc))
    report(run_guarded(guard, lambda: run_challenge(request)))


if __name__ == "__main__":
    main()
