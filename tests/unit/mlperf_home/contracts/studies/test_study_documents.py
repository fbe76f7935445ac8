"""Documents of studies: written ones are read back; each fault is an error of one line with the place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from answers import answer, standing

from mlperf_home.contracts.codec import encode, read_document, to_line, write_document
from mlperf_home.contracts.studies.answer import answer_text, read_answer
from mlperf_home.contracts.studies.events import (
    OfficialRunDone,
    StudyAnswered,
    StudyDoing,
    read_study_event,
    standing_of,
)
from mlperf_home.contracts.studies.race import Belief, Settings
from mlperf_home.contracts.studies.space import SPACE_LIMITS, SpaceDocument
from mlperf_home.contracts.studies.study import (
    DESCRIPTION_LIMITS,
    Candidate,
    CandidateDescription,
    EngineEnvironment,
    RunConditions,
    StudyEngine,
    StudyPlan,
)
from mlperf_home.exploration.live.plan import read_plan
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

SPACE = {"schema": 1, "name": "s", "axes": {"m": ["a", 1, None]}, "model_axes": ["m"], "constraints": []}
CANDIDATE = {
    "model": "a", "name": "small", "path": "/m", "dataset": "/d", "prior": {"percent": 71.0, "sd": 0.3, "source": "s"},
}  # fmt: skip
ENGINE = {"backend": "litert", "python": "/python", "version": "2", "system": "vm"}


def space(path: Path) -> SpaceDocument:
    return read_document(path, SpaceDocument, SPACE_LIMITS)


def candidate(path: Path) -> CandidateDescription:
    return read_document(path, CandidateDescription, DESCRIPTION_LIMITS)


def engine(path: Path) -> StudyEngine:
    return read_document(path, StudyEngine, DESCRIPTION_LIMITS)


def plan(folder: Path) -> StudyPlan:
    (folder / "space.json").write_text(json.dumps(SPACE))
    return StudyPlan(
        space=space(folder / "space.json"),
        settings=Settings(first_probe_s=1, metrics=("samples_per_second",)),
        searcher="race",
        budget_s=None,
        priors={"a": Belief(71, 0.3, "published")},
        candidates={"a": Candidate("small", "/m", "/d")},
        absent={"1": "no room"},
        engines={"litert": EngineEnvironment("/python", ("nice", "-n", "1"), "vm")},
        running=RunConditions("v3.1", "resnet", "Offline", "valid", "imagenet", False, 60, 7, {"pinning": ["core"]}),
        folder=folder,
        work_dir=folder / "work",
    )


def test_a_written_plan_is_read_back(tmp_path: Path) -> None:
    write_document(tmp_path / "study.json", plan(tmp_path))

    assert read_plan(tmp_path / "study.json") == plan(tmp_path)
    assert json.loads((tmp_path / "study.json").read_text())["schema"] == 1


def test_a_written_answer_is_read_back(tmp_path: Path) -> None:
    document = answer([standing("a")], [standing("b", None, failed="killed")])
    (tmp_path / "answer.json").write_text(json.dumps(document))

    read = read_answer(tmp_path / "answer.json")

    assert json.loads(answer_text(read)) == {
        **document,
        "dataset": "",
        "without_dataset": False,
        **{
            part: [{**each, "changing": [], "left_out": ""} for each in document[part]]
            for part in ("front", "undecided", "dropped")
        },
    }
    assert (read.front[0].point, read.dropped[0].failed, read.work.share) == ("a", "killed", 0.1)


def test_a_description_has_a_candidate_and_a_prior(tmp_path: Path) -> None:
    (tmp_path / "candidate.json").write_text(json.dumps(CANDIDATE))

    read = candidate(tmp_path / "candidate.json")

    assert read.candidate == Candidate("small", "/m", "/d")
    assert read.prior == Belief(71.0, 0.3, "s")


@pytest.mark.parametrize(
    ("read", "document", "problem"),
    [
        (space, {**SPACE, "axes": {"m": ["a", {}]}}, "#/axes/.../1: expected"),
        (space, {**SPACE, "constraints": [{"when": {"m": 1}, "only": {}}]}, "#/constraints/0/when/...: expected"),
        (candidate, {**CANDIDATE, "prior": {"percent": "71", "sd": 1, "source": ""}}, "#/prior/percent: expected"),
        (candidate, {"model": "a"}, ": object missing required field `name`"),
        (engine, {**ENGINE, "python": None}, "#/python: expected `str`, got `null`"),
        (read_answer, answer([standing("a", intervals={"x": [1]})]), "#/front/0/intervals/...: expected `array` of"),
        (read_answer, answer([standing("a", more=1)]), "#/front/0: object contains unknown field `more`"),
        (read_answer, answer(schema=2), "#/schema: invalid enum value 2"),
        (read_answer, answer(confidence=1), "#/confidence: expected `float` < 1"),
        (read_plan, {"schema": 1}, ": object missing required field `space`"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_an_error_with_its_place(
    tmp_path: Path, read: Callable[[Path], object], document: Any, problem: str
) -> None:
    path = tmp_path / "it.json"
    path.write_text(json.dumps(document))

    with pytest.raises(DocumentError, match=f"^{re.escape(f'{path}{problem}')}"):
        read(path)


def test_the_settings_of_a_plan_are_checked(tmp_path: Path) -> None:
    document = encode(plan(tmp_path))
    document["settings"]["risk"] = 0.7
    (tmp_path / "study.json").write_text(json.dumps(document))

    with pytest.raises(DocumentError, match=r"study\.json#/settings: risk must lie between 0 and 0\.5, got 0\.7"):
        read_plan(tmp_path / "study.json")


@pytest.mark.parametrize("read", [space, candidate, engine, read_answer, read_plan])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" * 100_000, r"(is nested more than \d+ levels deep|has more than 10,000 values)"),
        (b'{"schema": 1, "name": "\xff"}', "is not UTF-8 text"),
        (b'{"schema": NaN}', "has NaN"),
        (b"{", "is not JSON"),
        (b"[" + b"1," * 2_000_001 + b"1]", r"has more than [\d,]+ (values|bytes)"),
    ],
    ids=["deep", "encoding", "nan", "cut", "many"],
)
def test_other_files_are_refused(tmp_path: Path, read: Callable[[Path], object], content: bytes, problem: str) -> None:
    path = tmp_path / "it.json"
    path.write_bytes(content)

    with pytest.raises(DocumentError, match=rf"^{re.escape(str(path))}: {problem}[^\n]*$"):
        read(path)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    with path.open("wb") as file:
        file.truncate(4 << 30)  # sparse: takes no space on the disk

    with pytest.raises(DocumentError, match=r"candidate\.json: has more than 1,048,576 bytes$"):
        candidate(path)


def test_printed_events_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(answer([standing("a")])))
    events = [
        StudyDoing(what="probes of round 1", done=0, of=8),
        standing_of(read_answer(tmp_path / "answer.json")),
        OfficialRunDone(point="a"),
        StudyAnswered(answer=Path("/experiments/one/answer.json")),
    ]

    assert [read_study_event(to_line(each)) for each in events] == events
    assert json.loads(to_line(events[1])) == {
        "event": "standing", "front": 1, "undecided": 0, "dropped": 0, "spent_s": 5.0, "left_s": 0.0, "share": 0.1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "line", ["", "INFO: created delegate", "{", '{"event": "other"}', "[" * 100_000, "{" * 100_000]
)
def test_lines_of_other_programs_are_not_events(line: str) -> None:
    assert read_study_event(line) is None
