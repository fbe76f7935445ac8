"""Searches by Optuna's samplers return the same form of answer as a race."""

from __future__ import annotations

import sys

import pytest
from table_meter import TableMeter

from mlperf_home.exploration.definition.space import make_space
from mlperf_home.exploration.optuna_search import Budget, OptunaMissingError, search
from mlperf_home.steps.exploring.options import known_space

SPACE = make_space(known_space("mobilenets"), "mobilenets")
METER = TableMeter(
    {point.name: 1.0 + place for place, point in enumerate(SPACE.points)},
    {point.model: 40.0 + place % 7 for place, point in enumerate(SPACE.points)},
    run_noise=0.0,
    query_noise=0.0,
)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_search_stays_in_the_space_and_in_its_budget(sampler: str) -> None:
    pytest.importorskip("optuna")
    answer = search(SPACE, METER, sampler, Budget(20_000, seed=3))
    measured = [*answer.front, *answer.dropped]

    assert len(measured) + len(answer.undecided) == 81
    assert 3 < len(measured) < 40
    assert all(each.against for each in answer.dropped)
    # A measurement that began within the budget is finished.
    assert sum(answer.work.spent_s.values()) < 20_000 + 50 * 81 + 602


def test_the_error_without_optuna_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(OptunaMissingError, match=r"pip install 'mlperf-home\[explore\]'"):
        search(SPACE, METER, "tpe", Budget(1))


def test_an_unknown_sampler_is_refused() -> None:
    with pytest.raises(ValueError, match="tpe, nsga2"):
        search(SPACE, METER, "grid", Budget(1))
