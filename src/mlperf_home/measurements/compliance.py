"""The verdicts of the compliance tests, in the words that the round's checker looks for.

Rules as in compliance/nvidia of mlcommons/inference: a test's score lies within 10 % of the performance run's (20 % for
latencies up to 0.2 ms a sample), and TEST01's logged outputs are those of the accuracy run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE, scan_detail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PASS, _FAIL = "TEST PASS", "TEST FAIL"
_MARGIN, _WIDE_MARGIN = 0.10, 0.20
_SHORT_NS = {"SingleStream": 200_000, "MultiStream": 1_600_000}
_SCORES = {
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
    "SingleStream": "early_stopping_latency_ss",
    "MultiStream": "early_stopping_latency_ms",
}


def performance_verdict(performance: Path, test: Path) -> str:
    """Compare a test's score with the performance run's; both are folders of logs."""
    runs = [scan_detail(folder / DETAIL_FILE) for folder in (performance, test)]
    scenarios = [str(run.settings.get("scenario")) for run in runs]
    if scenarios[0] != scenarios[1] or scenarios[0] not in _SCORES:
        return _text(f"scenarios = {scenarios[0]}, {scenarios[1]}", passed=False)
    reference, score = (_number(run.values.get(_SCORES[scenarios[0]])) for run in runs)
    valid = all(run.values.get("result_validity") == "VALID" for run in runs)
    margin = _WIDE_MARGIN if reference <= _SHORT_NS.get(scenarios[0], 0) else _MARGIN
    close = reference * (1 - margin) < score < reference * (1 + margin)
    said = f"reference score = {reference}\ntest score = {score}"
    return _text(said if valid else f"{said}\none of the two runs is not VALID", passed=valid and close)


def outputs_verdict(accuracy: Path, test: Path) -> str:
    """Compare the outputs that a test logged with those of the accuracy run; both are folders of logs."""
    known = {entry["qsl_idx"]: entry["data"] for entry in _entries(accuracy / ACCURACY_FILE)}
    matched = differing = missing = 0
    for entry in _entries(test / ACCURACY_FILE):
        if entry["qsl_idx"] not in known:
            missing += 1
        elif known[entry["qsl_idx"]] == entry["data"]:
            matched += 1
        else:
            differing += 1
    said = f"same outputs = {matched}\ndiffering outputs = {differing}\nmissing in the accuracy run = {missing}"
    return _text(said, passed=matched > 0 and not differing and not missing)


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Read an accuracy log entry by entry, as LoadGen writes it: one a line; a whole one may have 67 MB."""
    with path.open(encoding="utf-8", errors="replace") as log:
        for line in log:
            text = line.strip().rstrip(",")
            if text.startswith("{"):
                try:
                    entry = json.loads(text)
                    yield {"qsl_idx": entry["qsl_idx"], "data": entry["data"]}
                except (ValueError, KeyError, TypeError):
                    continue


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _text(said: str, *, passed: bool) -> str:
    return f"{said}\n{_PASS if passed else _FAIL}\n"
