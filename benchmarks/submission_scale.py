"""Measure how generating and checking a submission scales with its results, up to 81 models with real log sizes.

The results are the tests' synthetic ones, with accuracy logs of ImageNet's size. Each count runs in a separate process
with its own memory peak. Quote the ratios per result and of memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from submission_results import foreign
from submission_tree import RULES, system

from mlperf_home.submission.assemble.collect import SubmissionRequest
from mlperf_home.submission.assemble.generate import generate
from mlperf_home.submission.check.report import check_submission
from mlperf_home.submission.delivery import pack

_BLOCK = b"x" * 100_000


def make_results(folder: Path, models: int, log_bytes: int) -> None:
    """Write a SingleStream result for each model."""
    for number in range(models):
        accuracy = foreign(folder, f"mobilenet-{number:03}", "SingleStream", "resnet") / "accuracy"
        with (accuracy / "mlperf_log_accuracy.json").open("wb") as log:
            log.write(b"[\n")
            for _ in range(log_bytes // len(_BLOCK)):
                log.write(_BLOCK)
            log.write(b"\n]\n")
        # The recorded hash belongs to another log; without it, generating computes the hash, as for a user.
        (accuracy / "accuracy.txt").write_text("accuracy=71.676%, good=35838, total=50000\n", "utf-8")


def measure(models: int, log_bytes: int) -> dict[str, float]:
    """Generate, check and pack a submission once; return the times and the memory peak."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_results(root / "results", models, log_bytes)
        request = SubmissionRequest(
            root / "results", root / "tree", "Example", "open", RULES, lambda *_: system("open", "Example")
        )
        began = time.perf_counter()
        made = generate(replace(request, infer=True))
        generated = time.perf_counter()
        report = check_submission(root / "tree", RULES)
        checked = time.perf_counter()
        pack(root / "tree", root / "tree.tar.gz")
        packed = time.perf_counter()
        if report.errors:
            raise SystemExit(str(report.errors[0]))
        count = len(made.results) + len(made.inferred)
        return {
            "results": count,
            "generate_s": generated - began,
            "check_s": checked - generated,
            "pack_s": packed - checked,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def main() -> None:
    """Measure three sizes, each in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log-mb", type=float, default=5, help="the size of an accuracy log (ImageNet: 5, BERT: 67)")
    parser.add_argument("--models", type=int, help="measure this number in this process, and print JSON")
    options = parser.parse_args()
    if options.models:
        print(json.dumps(measure(options.models, int(options.log_mb * 1e6))))
        return
    first: dict[str, float] = {}
    for models in (9, 27, 81):
        words = [sys.executable, __file__, f"--models={models}", f"--log-mb={options.log_mb}"]
        row = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        first = first or row
        total = row["generate_s"] + row["check_s"] + row["pack_s"]
        first_total = first["generate_s"] + first["check_s"] + first["pack_s"]
        relative = total / row["results"] / (first_total / first["results"])
        print(
            f"{row['results']:4.0f} results: generate {row['generate_s']:.2f} s, check {row['check_s']:.2f} s, "
            f"pack {row['pack_s']:.2f} s; a result {relative:.2f} x, "
            f"memory {row['peak_mib'] / first['peak_mib']:.2f} x of the first ({row['peak_mib']:.0f} MiB)",
            flush=True,
        )


if __name__ == "__main__":
    main()
