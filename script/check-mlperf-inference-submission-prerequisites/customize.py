"""Check before a long run that its results can become a submission."""

from mlperf_home.rules import UnknownRoundError, load_round
from mlperf_home.submission.assemble.prerequisites import PlannedSubmission, obstacles
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Report all obstacles at once, before hours of measuring."""
    results = context.path("CM_MLPERF_RESULTS_DIR") or context.results_home / "results"
    with failing_on(UnknownRoundError):
        rules = load_round(context.text("CM_MLPERF_ROUND"))
    planned = PlannedSubmission(
        submission_dir=context.path("CM_MLPERF_SUBMISSION_DIR") or context.results_home / "submission",
        results_dir=results,
        submitter=context.text("CM_MLPERF_SUBMITTER", ""),
        model_name=context.text("CM_ML_MODEL_FULL_NAME_GIVEN", ""),
        style=context.text("CM_MLPERF_EXECUTION_MODE"),
        sample=context.flag("CM_DATASET_SAMPLE"),
        allow_sample=context.flag("CM_MLPERF_ALLOW_SAMPLE"),
        checker=context.path("CM_MLPERF_CHECKER_PATH"),
        mapping=context.text("CM_MLPERF_EXTRA_MODEL_BENCHMARK_MAP", ""),
        tar_file=context.path("CM_TAR_OUTFILE"),
        push=context.flag("CM_MLPERF_PUSH_TO_GITHUB"),
        fork=context.text("CM_MLPERF_RESULTS_GIT_URL", ""),
        benchmark=context.text("CM_MLPERF_BENCHMARK", "bert-99"),
        scenario=context.text("CM_MLPERF_LOADGEN_SCENARIO", ""),
        category=context.text("CM_MLPERF_CATEGORY", ""),
        dataset_size=context.whole("CM_DATASET_SIZE"),
        rules=rules,
    )
    found = obstacles(planned)
    for obstacle in found:
        context.warn(obstacle)
    if found:
        raise StepFailed(f"this run cannot become a submission: {'; '.join(found)}")
    return Done()
