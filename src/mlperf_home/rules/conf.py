"""A round's mlperf.conf as text, rendered from its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from mlperf_home.rules.rounds import LoadGenModel, Round, ScenarioRules, Seeds

_HEADER = """\
# MLPerf inference {name}: the rules' settings for LoadGen.
# A line is 'model.scenario.key = value'; '*' stands for every model or scenario.
# Durations and latencies are in milliseconds. user.conf may ask for more, never for less.
"""


def mlperf_conf(rules: Round) -> str:
    """Render the mlperf.conf of a round, in the format that LoadGen's FromConfig reads."""
    lines = [_HEADER.format(name=rules.name)]
    lines += _seed_lines(rules.seeds, "")
    lines += _seed_lines(rules.test05_seeds, "test05_")
    lines.append("")
    for scenario in SCENARIOS:
        lines += _scenario_lines(scenario, rules.scenarios[scenario])
        lines.append("")
    for name, model in rules.loadgen_models.items():
        lines += _model_lines(name, model)
    return "\n".join(lines) + "\n"


def _seed_lines(seeds: Seeds, prefix: str) -> list[str]:
    return [
        f"*.*.{prefix}qsl_rng_seed = {seeds.qsl_rng_seed}",
        f"*.*.{prefix}sample_index_rng_seed = {seeds.sample_index_rng_seed}",
        f"*.*.{prefix}schedule_rng_seed = {seeds.schedule_rng_seed}",
    ]


def _scenario_lines(scenario: str, rules: ScenarioRules) -> list[str]:
    settings: dict[str, float | None] = {
        "target_latency_percentile": rules.target_latency_percentile,
        "min_duration": rules.min_duration_ms,
        "min_query_count": rules.min_query_count,
        "samples_per_query": rules.samples_per_query if scenario == "MultiStream" else None,
        "target_latency": rules.target_latency_ms,
        "target_qps": rules.target_qps,
    }
    return [f"*.{scenario}.{key} = {value}" for key, value in settings.items() if value is not None]


def _model_lines(name: str, model: LoadGenModel) -> list[str]:
    settings: dict[str, float | None] = {
        "*.performance_sample_count_override": model.performance_sample_count,
        "Server.target_latency": model.server_latency_ms,
        "MultiStream.target_latency": model.multi_stream_latency_ms,
        **{f"{scenario}.sample_concatenate_permutation": 1 for scenario in model.sample_concatenate_permutation},
    }
    return [f"{name}.{key} = {value}" for key, value in settings.items() if value is not None]
