"""The documents of a bundle, and the report of a replay, fit the published schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from mlperf_home.contracts.documents import schema_path

if TYPE_CHECKING:
    from challenge_homes import ChallengeHome
    from unpacked_bundles import UnpackedBundle


def fits(name: str, path: Path) -> bool:
    schema = json.loads(schema_path(name).read_text("utf-8"))
    return bool(Draft202012Validator(schema).is_valid(json.loads(path.read_text("utf-8"))))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("bundle.json", "bundle"),
        ("lock.json", "challenge-lock"),
        ("machine.json", "machine"),
        ("run.json", "challenge-run"),
        ("report.json", "challenge-report"),
    ],
)
def test_a_document_fits_its_schema(unpacked: UnpackedBundle, file: str, name: str) -> None:
    assert fits(name, unpacked.root / file)
    assert not fits(name, unpacked.root / "records" / "first.json")


def test_a_replays_report_fits_its_schema(home: ChallengeHome) -> None:
    answer = home("replay", results=str(home.bundle()))

    assert fits("reproduction", Path(answer["report"]).with_suffix(".json"))
