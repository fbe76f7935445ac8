"""`python -m mlperf_home.harness --job job.json`: one LoadGen run.

The exit status is an `mlperf_home.contracts.runs.failures.ExitStatus`. Standard output has the progress lines of
`mlperf_home.contracts.runs.progress`. On failure, the last line of standard error is `mlperf-home: MESSAGE`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mlperf_home.contracts.codec import print_line
from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.job import read_job
from mlperf_home.contracts.runs.progress import CompleteEvent, print_failure
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.harness.child import die_with_parent
from mlperf_home.harness.supervisor import supervise


def main() -> int:
    """Run the job of the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="mlperf_home.harness", description="one MLPerf LoadGen run")
    parser.add_argument("--job", type=Path, required=True, help="the job, a JSON file")
    arguments = parser.parse_args()
    die_with_parent(os.getppid())
    try:
        job = read_job(arguments.job)
        supervise(job, arguments.job)
    except HarnessError as error:
        print_failure(error)
        return int(error.status)
    except KeyboardInterrupt:
        # The supervisor does not handle signals yet, and nothing was written.
        print_failure("the run was ended by SIGINT; it left no result")
        return int(ExitStatus.INTERRUPTED)
    validity = read_session(job.session_path).result.validity
    print_line(CompleteEvent(validity=validity, session=job.session_path))
    return int(ExitStatus.COMPLETE)


if __name__ == "__main__":
    sys.exit(main())
