"""Write the two files with the lengths and the targets of a LoadGen run."""

from mlperf_home.harness.user_conf import RunSettings, SettingsError, user_conf_text
from mlperf_home.rules import UnknownRoundError, load_round, mlperf_conf
from mlperf_home.steps.run_request import user_target
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Write user.conf for this scenario and style, and the round's mlperf.conf."""
    scenario = context.text("CM_MLPERF_LOADGEN_SCENARIO")
    with failing_on(UnknownRoundError, SettingsError):
        rules = load_round(context.text("CM_MLPERF_ROUND"))
        settings = RunSettings(
            benchmark=context.text("CM_MLPERF_BENCHMARK"),
            scenario=scenario,
            run=context.text("CM_MLPERF_LOADGEN_RUN"),
            style=context.text("CM_MLPERF_EXECUTION_MODE"),
            test_query_count=context.whole("CM_MLPERF_TEST_QUERY_COUNT"),
            target=user_target(context, scenario),
            measured_target=context.number(f"CM_MLPERF_MEASURED_TARGET_{_unit(scenario)}")
            or context.number(f"CM_MLPERF_KNOWN_TARGET_{_unit(scenario)}"),
        )
        text = user_conf_text(rules, settings)
    if rules.rehearsal:
        context.note(rules.rehearsal)
    (context.output / "user.conf").write_text(text, encoding="utf-8")
    (context.output / "mlperf.conf").write_text(mlperf_conf(rules), encoding="utf-8")
    return Done(
        exports={"CM_MLPERF_USER_CONF": context.output / "user.conf", "CM_MLPERF_CONF": context.output / "mlperf.conf"}
    )


def _unit(scenario: str) -> str:
    return "QPS" if scenario in {"Offline", "Server"} else "LATENCY"
