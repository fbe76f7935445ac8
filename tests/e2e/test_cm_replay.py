"""Records, and their replay by `cm replay script`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

import scriptgraph

if TYPE_CHECKING:
    from cm_command import Cm


def newest_record(cm: Cm) -> Path:
    return max((cm.home / "mlperf-home" / "records").glob("*/record.json"))


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_records_match_the_published_schema(cm: Cm) -> None:
    schema = read(Path(scriptgraph.__file__).parent / "execution" / "record.schema.json")
    assert cm.script("detect,cpu").code == 0
    jsonschema.validate(read(newest_record(cm)), schema)

    assert cm.script("download,file", "--url=file:///nothing/there", "--record").code != 0
    failed = read(newest_record(cm))
    jsonschema.validate(failed, schema)
    assert failed["status"] == "failed"


def test_a_replay_repeats_the_request(cm: Cm) -> None:
    assert cm.script("get,python3", "--adr.python.name=x", "--version_min=3.8").code != 0
    assert cm.script("get,python3", "--version_min=3.8").code == 0
    record = newest_record(cm)

    ended = cm("replay", "script", f"--record={record}")

    assert ended.code == 0, ended.output
    assert "no differences" in ended.out
    assert newest_record(cm) != record
    assert read(newest_record(cm))["request"] == read(record)["request"]


def test_a_replay_lists_the_differences(cm: Cm) -> None:
    assert cm.script("detect,os").code == 0
    record = newest_record(cm)
    document = read(record)
    document["host"]["python"] = "2.7.18"
    document["steps"][0]["exports"]["CM_HOST_OS_TYPE"] = "plan9"
    record.write_text(json.dumps(document))

    refused = cm("replay", "script", f"--record={record}")
    ended = cm("replay", "script", f"--record={record}", "--trust")

    assert refused.code != 0
    assert "was edited; it would run detect-os" in refused.output
    assert ended.code == 0
    assert "host: python: 2.7.18 then" in ended.out
    assert "CM_HOST_OS_TYPE: plan9 then, linux now" in ended.out


def test_a_replay_without_a_record_names_the_option(cm: Cm) -> None:
    assert "--record=FILE" in cm("replay", "script").output
    assert cm("replay", "script", "--record=/nothing/there.json").code != 0
