"""Assemble a submission from results; later steps check, pack and push it."""

from collections.abc import Mapping

from mlperf_home.measurements.layout import read_object
from mlperf_home.rules import UnknownRoundError, load_round
from mlperf_home.steps.next_commands import after_submission
from mlperf_home.submission.assemble.collect import AssembleError, SubmissionRequest, require_same_processor
from mlperf_home.submission.assemble.generate import Assembled, generate
from mlperf_home.submission.check.structure import MappingError, parse_mapping
from scriptgraph.api import Context, Done, Outcome, failing_on

_USER_FIELDS = {
    "starting_weights_filename": "CM_ML_MODEL_STARTING_WEIGHTS_FILENAME",
    "weight_data_types": "CM_ML_MODEL_WEIGHT_DATA_TYPES",
    "input_data_types": "CM_ML_MODEL_INPUT_DATA_TYPES",
    "weight_transformations": "CM_ML_MODEL_WEIGHT_TRANSFORMATIONS",
    "retraining": "CM_ML_MODEL_RETRAINING",
}


def preprocess(context: Context) -> Outcome:
    """Write the submission beside its destination, and move it there when it is complete."""
    with failing_on(AssembleError, MappingError, UnknownRoundError):
        request = _submission_request(context)
        made = generate(request)
    _tell(context, made)
    if request.rules.rehearsal:
        context.warn(request.rules.rehearsal)
    context.suggest(after_submission(context, request.submission_dir, request.rules.name, sample=request.allow_sample))
    return Done(
        exports={"CM_MLPERF_SUBMISSION_DIR": request.submission_dir, "CM_MLPERF_SUBMISSION_RESULTS": len(made.results)}
    )


def _submission_request(context: Context) -> SubmissionRequest:
    results_dir = context.path("CM_MLPERF_RESULTS_DIR") or context.results_home / "results"
    submission_dir = context.output_path("CM_MLPERF_SUBMISSION_DIR", context.results_home / "submission")
    rules = load_round(context.text("CM_MLPERF_ROUND"))
    described = read_object(context.existing("CM_MLPERF_SUT_DESCRIPTION_PATH"))

    def describe(_: str, framework: str) -> Mapping[str, str]:
        return {**described, "framework": framework}

    return SubmissionRequest(
        results_dir=results_dir,
        submission_dir=submission_dir,
        submitter=context.name("CM_MLPERF_SUBMITTER"),
        division=context.text("CM_MLPERF_DIVISION"),
        rules=rules,
        describe=describe,
        accept=lambda result: require_same_processor(result, described, own=context.path("CM_MLPERF_SYSTEM_FILE")),
        clean=context.flag("CM_MLPERF_CLEAN_SUBMISSION"),
        allow_sample=context.flag("CM_MLPERF_ALLOW_SAMPLE"),
        infer=context.flag("CM_MLPERF_INFER_SCENARIO_RESULTS"),
        truncate=not context.flag("CM_MLPERF_SKIP_TRUNCATION"),
        model_benchmarks=parse_mapping(context.text("CM_MLPERF_EXTRA_MODEL_BENCHMARK_MAP", ""), rules),
        user_fields={field: text for field, key in _USER_FIELDS.items() if (text := context.text(key, ""))},
    )


def _tell(context: Context, made: Assembled) -> None:
    for skipped in made.skipped:
        context.warn(str(skipped))
    for copy in made.inferred:
        context.say(f"inferred: {copy.model}, {copy.scenario} from {copy.measured} on {copy.sut}")
    context.say(f"{len(made.results)} results in {made.folder}")
