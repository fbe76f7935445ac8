"""Measure how generating and checking a submission scales with its results, up to 81 models with real log sizes.

The results are the tests' synthetic ones, with accuracy logs of ImageNet's size. Each count runs in a separate process
with its own memory peak. Quote the ratios per result and of memory.

With --official=submission_checker.py, of mlcommons/inference at the tag v3.1, compare the CPU times of both checkers on
243 results with LoadGen's own logs, in turns: once each result with its own run, once two thirds inferred.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from round_trees import SUT, describe, write_inferred, write_result
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


def make_tree(root: Path, *, inferred: bool) -> None:
    """Write a tree of 81 models in three scenarios, with logs as LoadGen writes them."""
    submitter = root / "open" / "Example"
    for number in range(81):
        model = f"mobilenet-{number:03}"
        write_result(submitter, RULES, model, "resnet", "SingleStream", closed=False)
        for scenario in ("MultiStream", "Offline"):
            if inferred:
                write_inferred(submitter, RULES, model, "resnet", scenario, "SingleStream")
            else:
                write_result(submitter, RULES, model, "resnet", scenario, closed=False)
        (submitter / "code" / model).mkdir(parents=True)
        (submitter / "code" / model / "README.md").write_text("x\n", "utf-8")
    (submitter / "systems").mkdir()
    (submitter / "systems" / f"{SUT}.json").write_text(json.dumps(describe(RULES, "open")), "utf-8")


def cpu_s(words: list[str], folder: Path) -> float:
    """Run a command; return its CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(official: Path, repeats: int) -> None:
    """Print the ratio of our check's CPU time to the official checker's."""
    for inferred in (False, True):
        with tempfile.TemporaryDirectory() as name:
            root = Path(name) / "tree"
            make_tree(root, inferred=inferred)
            ours = [sys.executable, __file__, f"--check={root}"]
            other = [sys.executable, str(official), "--input", str(root), "--version", RULES.name]
            pairs = [(cpu_s(ours, Path(name)), cpu_s(other, Path(name))) for _ in range(repeats)]
            median = statistics.median(own / theirs for own, theirs in pairs)
            least = min(own for own, _ in pairs) / min(theirs for _, theirs in pairs)
            kind = "two thirds inferred" if inferred else "each of its own run"
            print(f"243 results, {kind}: {median:.2f} x the CPU time of the official checker, least {least:.2f} x")


def main() -> None:
    """Measure three sizes, each in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log-mb", type=float, default=5, help="the size of an accuracy log (ImageNet: 5, BERT: 67)")
    parser.add_argument("--models", type=int, help="measure this number in this process, and print JSON")
    parser.add_argument("--official", type=Path, help="compare with this submission_checker.py")
    parser.add_argument("--repeats", type=int, default=5, help="of each checker in the comparison")
    parser.add_argument("--check", type=Path, help="check this tree in this process")
    options = parser.parse_args()
    if options.check:
        raise SystemExit(bool(check_submission(options.check, RULES).errors))
    if options.official:
        compare(options.official, options.repeats)
        return
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
