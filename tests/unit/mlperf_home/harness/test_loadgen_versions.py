"""A LoadGen from before a round's seeds is refused before the run; one wheel serves all rounds."""

from __future__ import annotations

import pytest

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.harness.loadgen import require_version
from mlperf_home.rules import load_round, round_names


@pytest.mark.parametrize(("name", "installed"), [("v5.1", "5.0.21"), ("v6.0", "6.0.4"), ("v6.1", "6.0.9")])
def test_an_older_loadgen_is_refused(name: str, installed: str) -> None:
    with pytest.raises(HarnessError, match=f"LoadGen {installed} is older than the seeds of {name}; install") as caught:
        require_version(load_round(name), installed)

    assert caught.value.status is ExitStatus.BAD_JOB


@pytest.mark.parametrize("name", round_names())
def test_the_pinned_loadgen_serves_every_round(name: str) -> None:
    require_version(load_round(name), "6.0.17")
    require_version(load_round(name), None)
