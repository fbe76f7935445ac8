"""Check a submission by the round's rules, then by the official checker if it is available."""

import sys
from pathlib import Path

from mlperf_home.rules import Round, UnknownRoundError, load_round
from mlperf_home.submission.check import report as texts
from mlperf_home.submission.check.official import OfficialCheckError, OfficialOptions, OfficialRun, official_runs
from mlperf_home.submission.check.official_output import OfficialVerdict, read_verdict
from mlperf_home.submission.check.report import CheckError, CheckOptions, check_submission
from mlperf_home.submission.check.structure import MappingError, parse_mapping
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on
from scriptgraph.files.atomic import replace_text


def preprocess(context: Context) -> Outcome:
    """Show every result and every finding; raise if there are errors."""
    root = context.existing("CM_MLPERF_SUBMISSION_DIR")
    with failing_on(UnknownRoundError):
        rules = load_round(context.text("CM_MLPERF_ROUND"))
    with failing_on(CheckError, MappingError):
        report = check_submission(root, rules, _options(context, rules))
    log = context.output / "submission-check.txt"
    replace_text(log, texts.report_text(report))
    sample = any(row.sample for row in report.results)
    rows = [*texts.result_rows(report), ("check", texts.summary(report)), ("findings", str(log))]
    context.table("SAMPLE SUBMISSION: no MLPerf results" if sample else f"Submission, {rules.name}", rows)
    for line in texts.group_findings(report.notes):
        context.say(f"note: {line}")
    for line in texts.group_findings(report.errors):
        context.warn(f"error: {line}")
    if report.errors:
        raise StepFailed(f"{root}: {texts.summary(report)}; see above and {log}")
    verdict = _official(context, root, rules, sample=sample)
    exports = {"CM_MLPERF_SUBMISSION_CHECK_LOG": log, "CM_MLPERF_OFFICIAL_CHECK": verdict}
    return Done(exports={"CM_MLPERF_SUBMISSION_ERRORS": 0, **exports})


def _options(context: Context, rules: Round) -> CheckOptions:
    return CheckOptions(
        allow_sample=context.flag("CM_MLPERF_ALLOW_SAMPLE"),
        allow_short=context.flag("CM_MLPERF_ALLOW_SHORT"),
        skip_compliance=context.flag("CM_MLPERF_SKIP_COMPLIANCE"),
        submitter=context.text("CM_MLPERF_SUBMITTER", ""),
        more_names=parse_mapping(context.text("CM_MLPERF_EXTRA_MODEL_BENCHMARK_MAP", ""), rules),
    )


def _official(context: Context, root: Path, rules: Round, *, sample: bool) -> str:
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
    verdicts = [_run_official(context, root, run) for run in runs]
    passed = all(each.passed for each in verdicts)
    for line in dict.fromkeys(line for each in verdicts for line in each.errors):
        context.warn(f"official checker: {line}")
    if not passed and not sample:
        raise StepFailed(f"{root}: did not pass the official checker; see {context.output / runs[0].name}.log")
    return "passed" if passed else "not passed"


def _run_official(context: Context, root: Path, run: OfficialRun) -> OfficialVerdict:
    lines: list[str] = []
    # It logs to standard error.
    listeners = {"on_line": lines.append, "on_error_line": lines.append}
    ended = context.command([sys.executable, *run.arguments], cwd=context.output, check=False, **listeners)
    log = context.output / f"{run.name}.log"
    replace_text(log, "".join(f"{line}\n" for line in lines))
    verdict = read_verdict(lines, ended.exit_code, root)
    how = " with --submission-exceptions" if "--submission-exceptions" in run.arguments else ""
    context.say(f"official checker{how}: {'passed' if verdict.passed else 'not passed'}; log: {log}")
    return verdict
