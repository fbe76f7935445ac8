"""The official checker on a submission that our check passed: its runs, its log, its verdict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlperf_home.submission.check.official import OfficialCheckError, OfficialOptions, OfficialRun, official_runs
from mlperf_home.submission.check.official_output import OfficialVerdict, read_verdict
from scriptgraph.api import Context, StepFailed, failing_on
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.rules import Round


def run_official_checker(context: Context, root: Path, rules: Round, *, sample: bool) -> str:
    """Run the official checker if it is here; return "passed", "not passed" or "not run".

    Raises:
        StepFailed: the checker cannot be started, or does not pass a tree that is no sample.
    """
    checker = context.path("CM_MLPERF_CHECKER_PATH") or context.path("CM_MLPERF_INFERENCE_SOURCE")
    if checker is None:
        if context.flag("CM_MLPERF_RUN_CHECKER"):
            failed = context.failures("CM_MLPERF_SOURCE_FAILED")
            why = failed[0].report() if failed else "its source is not available"
            context.warn(f"the official checker was not run: {why}; pass it with --checker_path")
        return "not run"
    options = OfficialOptions(
        rules.name,
        context.text("CM_MLPERF_SUBMITTER", ""),
        context.flag("CM_MLPERF_SKIP_COMPLIANCE"),
        context.flag("CM_MLPERF_SKIP_POWER_CHECK"),
        context.text("CM_MLPERF_CHECKER_EXTRA_ARGS", ""),
    )
    with failing_on(OfficialCheckError):
        runs = official_runs(checker, root, options)
    verdicts = [_run(context, root, run) for run in runs]
    passed = all(each.passed for each in verdicts)
    for line in dict.fromkeys(line for each in verdicts for line in each.errors):
        context.warn(f"official checker: {line}")
    if not passed and not sample:
        raise StepFailed(f"{root}: did not pass the official checker; see {context.output / runs[0].name}.log")
    return "passed" if passed else "not passed"


def _run(context: Context, root: Path, run: OfficialRun) -> OfficialVerdict:
    lines: list[str] = []
    # It logs to standard error.
    ended = context.command(
        [sys.executable, *run.arguments],
        cwd=context.output,
        check=False,
        on_line=lines.append,
        on_error_line=lines.append,
    )
    log = context.output / f"{run.name}.log"
    replace_text(log, "".join(f"{line}\n" for line in lines))
    verdict = read_verdict(lines, ended.exit_code, root)
    how = " with --submission-exceptions" if "--submission-exceptions" in run.arguments else ""
    context.say(f"official checker{how}: {'passed' if verdict.passed else 'not passed'}; log: {log}")
    return verdict
