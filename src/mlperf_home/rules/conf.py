"""A round's mlperf.conf as text, rendered from its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.rules.rounds import LoadGenModel, Round, ScenarioRules

_HEADER = """\
# MLPerf inference {name}: the rules' settings for LoadGen.
# A line is 'model.scenario.key = value'; '*' stands for every model or scenario.
# Durations and latencies are in milliseconds. user.conf may ask for more, never for less.
"""


def mlperf_conf(rules: Round) -> str:
    """Render the mlperf.conf of a round, in the format that LoadGen's FromConfig reads."""
    seeds = {f"*.*.{name}": seed for name, seed in vars(rules.seeds).items()}
    seeds |= {f"*.*.test05_{name}": seed for name, seed in vars(rules.test05_seeds).items()}
    lines = [_HEADER.format(name=rules.name), *_lines(seeds), ""]
    for scenario in SCENARIOS:
        settings = _scenario_settings(scenario, rules.scenarios[scenario])
        lines += [*_lines({f"*.{scenario}.{key}": value for key, value in settings.items()}), ""]
    for name, model in rules.loadgen_models.items():
        lines += _lines({f"{name}.{key}": value for key, value in _model_settings(model).items()})
    return "\n".join(lines) + "\n"


def _lines(settings: Mapping[str, float | None]) -> list[str]:
    return [f"{key} = {value}" for key, value in settings.items() if value is not None]


def _scenario_settings(scenario: str, rules: ScenarioRules) -> dict[str, float | None]:
    return {
        "target_latency_percentile": rules.target_latency_percentile,
        "min_duration": rules.min_duration_ms,
        "min_query_count": rules.min_query_count,
        "samples_per_query": rules.samples_per_query if scenario == "MultiStream" else None,
        "target_latency": rules.target_latency_ms,
        "target_qps": rules.target_qps,
    }


def _model_settings(model: LoadGenModel) -> dict[str, float | None]:
    return {
        "*.performance_sample_count_override": model.performance_sample_count,
        "Server.target_latency": model.server_latency_ms,
        "MultiStream.target_latency": model.multi_stream_latency_ms,
        **{f"{scenario}.sample_concatenate_permutation": 1 for scenario in model.sample_concatenate_permutation},
    }
