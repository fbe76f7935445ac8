"""The user's own file of a system description is read, or refused in a line; a description is placed whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlperf_home.submission.system.description import (
    SystemDescriptionError,
)
from mlperf_home.submission.system.file import place_description, read_overrides

if TYPE_CHECKING:
    from pathlib import Path


def test_the_users_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('\ufeff{"cooling": "passive", "hw_notes": "", "system_name": "Büro"}', encoding="utf-8")

    assert read_overrides(path) == {"cooling": "passive", "hw_notes": "", "system_name": "Büro"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"host_network_cards": "1"}', 'unknown key "host_network_cards"; the nearest known key is "host_network'),
        (b'{"number_of_nodes": 1}', '"number_of_nodes" is 1, not a text; write it in quotation marks'),
        (b'{"cooling": null}', "is None, not a text"),
        (b'{"cooling": ["air"]}', "not a text"),
        (b'{"cooling": " "}', '"cooling" is empty'),
        (b'{"cooling": "air", "cooling": "oil"}', "has the key 'cooling' twice in one object"),
        (b'{"cooling": "\\ud800"}', "not UTF-8"),
        (b'{"\\ud800": "x"}', "is not UTF-8 text"),
        (b'{"status": "Available"}', 'write one of "available"'),
        (b'{"cooling": "air"', "own.json: is not JSON (Expecting ',' delimiter: line 1 column 18"),
        (b"", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'"air"', "is not a JSON object"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"[" * 100_000, "is nested more than 64 levels deep"),
        (b"1" * 10_000, ", which is too large"),
    ],
)
def test_an_invalid_file_is_reported_in_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(content)

    with pytest.raises(SystemDescriptionError) as refused:
        read_overrides(path)

    assert str(path) in str(refused.value)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    str(refused.value).encode()


@pytest.mark.parametrize("place", [".", "absent.json"])
def test_an_absent_file_is_reported(place: str, tmp_path: Path) -> None:
    with pytest.raises(SystemDescriptionError, match="cannot be read"):
        read_overrides(tmp_path / place)


def test_a_different_description_is_saved(tmp_path: Path) -> None:
    path, previous = tmp_path / "systems" / "sut.json", tmp_path / "previous.json"

    assert place_description(path, "one\n", previous) is None
    assert place_description(path, "one\n", previous) is None
    assert not previous.exists()
    assert place_description(path, "two\n", previous) == previous

    assert (path.read_text(), previous.read_text()) == ("two\n", "one\n")
    assert [each.name for each in path.parent.iterdir()] == ["sut.json"]


def test_an_unwritable_description_is_reported(tmp_path: Path) -> None:
    (tmp_path / "systems").write_text("a file")

    with pytest.raises(SystemDescriptionError, match="cannot be written"):
        place_description(tmp_path / "systems" / "sut.json", "one\n", tmp_path / "previous.json")


@pytest.mark.parametrize("value", [0, -1, True, 1.5, None, "", []])
def test_a_count_must_be_a_count(tmp_path: Path, value: object) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"host_processor_vcpu_count": value}), encoding="utf-8")

    with pytest.raises(SystemDescriptionError, match="host_processor_vcpu_count"):
        read_overrides(path)


def test_a_field_of_a_newer_round_is_known(tmp_path: Path) -> None:
    path = tmp_path / "system.json"
    path.write_text('{"system_power_capacity": "350"}', "utf-8")

    assert read_overrides(path) == {"system_power_capacity": "350"}
