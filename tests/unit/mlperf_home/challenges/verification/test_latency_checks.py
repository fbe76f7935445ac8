"""Kept times that LoadGen's log contradicts are found."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from kept_times import honest, kept, single_stream_result, two_states
from results_logs import load_session, save_session

from mlperf_home.challenges.verification.latency_checks import latency_problems
from mlperf_home.challenges.verification.recomputation import result_problems
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.loadgen_logs.run_log import read_run
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import to_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def problems(root: Path) -> list[str]:
    logs = root / "performance" / "run_1"
    return list(latency_problems(read_session(root / "performance-session.json"), logs, read_run(logs)))


def replace(root: Path, document: Any) -> None:
    """Write other kept times; the session gets their hash."""
    path = root / "performance" / "run_1" / "latencies.json"
    path.write_text(json.dumps(document))
    session = load_session(root, "performance")
    session["logs"]["latencies.json"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    save_session(root, "performance", session)


@pytest.mark.parametrize("durations", [honest(), two_states(), honest(100)])
def test_honest_times_agree(tmp_path: Path, durations: list[int]) -> None:
    assert problems(single_stream_result(tmp_path, durations)) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda durations: durations[:-5], "periods, but the log gives 11999"),
        (lambda durations: [2 * each for each in durations], "lasts"),
        (lambda durations: [each // 2 for each in durations], "lasts"),
        # A slow state is hidden: its time is spread over all queries.
        (lambda durations: [sum(durations) // len(durations)] * len(durations), "percentile"),
    ],
)
def test_other_times_are_found(tmp_path: Path, other: Callable[[list[int]], list[int]], words: str) -> None:
    root = single_stream_result(tmp_path, two_states())
    replace(root, encode(kept(other(two_states()[1:]))))
    assert any(words in problem for problem in problems(root)), problems(root)


def test_another_spread_is_found(tmp_path: Path) -> None:
    root = single_stream_result(tmp_path, honest())
    # Half of the queries faster and half slower: the same count and nearly the same time.
    replace(root, encode(kept([round(each * (0.8 if each % 2 else 1.2)) for each in honest()[1:]])))
    assert any("percentile" in problem for problem in problems(root))


def test_another_kind_is_found(tmp_path: Path) -> None:
    root = single_stream_result(tmp_path, honest(2000))
    replace(root, encode(kept(honest(1999), "completions")))
    assert "not those of a performance run of SingleStream" in problems(root)[0]


def test_runs_without_kept_times_are_no_problem(tmp_path: Path) -> None:
    root = single_stream_result(tmp_path, honest(2000))
    session = load_session(root, "performance")
    del session["logs"]["latencies.json"]
    save_session(root, "performance", session)
    assert problems(root) == []


def test_a_change_of_state_cannot_be_left_out(tmp_path: Path) -> None:
    folder = single_stream_result(
        tmp_path / "results" / "first" / "sample_results" / "s" / "m" / "singlestream", two_states()
    )
    measurement = json.loads(to_json(ingest(folder)))
    assert measurement["values"]["changed_state"]["value"] == "yes"
    del measurement["values"]["changed_state"]
    (folder / "measurement.json").write_text(json.dumps(measurement))

    assert any("changed_state" in text for _, text in result_problems(tmp_path))
