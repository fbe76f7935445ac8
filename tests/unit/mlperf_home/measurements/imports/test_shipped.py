"""Published results as measurements: copied with their source; what was not published is unknown."""

from __future__ import annotations

import pytest

from mlperf_home.experiments.picture_data import from_shipped
from mlperf_home.measurements.imports.naming import with_one_name
from mlperf_home.measurements.imports.shipped import LIVE, SHIPPED, shipped_measurements
from mlperf_home.measurements.measurement import from_json, to_json
from mlperf_home.published.results import shipped_results


@pytest.mark.parametrize(("benchmark", "name"), SHIPPED.items())
def test_each_published_row_is_a_measurement(benchmark: str, name: str) -> None:
    found = list(shipped_measurements(name))

    assert len(found) == len(shipped_results(name).rows)
    assert {each.benchmark for each in found} == {benchmark}
    assert not any(each.sample or each.validity for each in found)
    assert all(from_json(to_json(each)) == with_one_name(each) for each in found[:: len(found) // 20])


def test_values_are_copied_with_their_source() -> None:
    first = next(shipped_measurements("images"))

    assert first.values["latency_ms"].origin == "copied"
    assert "cm4mlperf-results" in str(first.values["latency_ms"].source)
    assert first.unofficial_because == (
        "copied from https://github.com/mlcommons/cm4mlperf-results: its logs were not seen",
    )


def test_a_picture_leaves_out_live_preprocessing() -> None:
    with_live = [each for each in shipped_measurements("images") if LIVE in each.warnings]

    drawn = list(from_shipped("images"))

    assert with_live
    assert len(drawn) == len(shipped_results("images").rows) - len(with_live)
    assert all(each.imported and not each.sample for each in drawn)
