"""The multipliers in an error of image models are those of the table of models."""

from __future__ import annotations

import pytest

from mlperf_home.steps.image_models import _multipliers


@pytest.mark.parametrize(("version", "listed"), [("v1", "1.0, 0.75, 0.5, 0.25"), ("v2", "1.0, 0.75, 0.5, 0.35")])
def test_the_multipliers_of_a_version_are_listed(version: str, listed: str) -> None:
    assert _multipliers(version) == listed
