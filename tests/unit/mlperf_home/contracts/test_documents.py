"""The published schemas match the types."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from results_logs import SESSION

from mlperf_home.contracts.__main__ import schema_text
from mlperf_home.contracts.documents import DOCUMENTS, schema_path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_published_schema_matches_its_type(name: str) -> None:
    remedy = "python -m mlperf_home.contracts"
    assert schema_path(name).read_text("utf-8") == schema_text(name), f"the schema is out of date; run {remedy}"
    Draft202012Validator.check_schema(json.loads(schema_text(name)))


def test_a_session_fits_its_schema() -> None:
    validator = Draft202012Validator(json.loads(schema_text("session")))

    assert validator.is_valid(SESSION)
    assert not validator.is_valid({**SESSION, "status": "begun"})
