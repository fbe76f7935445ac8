"""Check a submission by the round's rules, then by the official checker if it is available."""

from mlperf_home.rules import Round, UnknownRoundError, load_round
from mlperf_home.steps.official_check import run_official_checker
from mlperf_home.submission.check import report as texts
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
    verdict = run_official_checker(context, root, rules, sample=sample)
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
