"""The lines that a study prints for its parent process: JSON objects, distinguished by `event`."""

from __future__ import annotations

from pathlib import Path

from mlperf_home.contracts.codec import OpenDocument, parse_document
from mlperf_home.contracts.studies.answer import Answer
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits

# Engines and libraries print to the same stream.
_LIMITS = Limits(size=1 << 16, depth=4, values=64)


class StudyDoing(OpenDocument, tag_field="event", tag="doing"):
    """The next activity, with the numbers of finished and of all runs; printed before a run, never during one."""

    what: str
    done: int
    of: int


class StudyStanding(OpenDocument, tag_field="event", tag="standing"):
    """The number of points by standing, the seconds spent and left, and the share of the exhaustive sweep."""

    front: int
    undecided: int
    dropped: int
    spent_s: float
    left_s: float
    share: float


class StudyAnswered(OpenDocument, tag_field="event", tag="answered"):
    """The study has ended; its answer is in a file."""

    answer: Path


class OfficialRunDone(OpenDocument, tag_field="event", tag="official"):
    """An official run is in the experiment's results."""

    point: str


StudyEvent = StudyDoing | StudyStanding | StudyAnswered | OfficialRunDone


def standing_of(answer: Answer) -> StudyStanding:
    """Return the event with the numbers of an answer."""
    work = answer.work
    return StudyStanding(
        front=len(answer.front),
        undecided=len(answer.undecided),
        dropped=len(answer.dropped),
        spent_s=sum(work.spent_s.values()),
        left_s=work.left_s,
        share=work.share,
    )


def read_study_event(line: str) -> StudyEvent | None:
    """Read a line of a study's standard output; None for a line of another program."""
    if not line.startswith("{"):
        return None
    try:
        event: StudyEvent = parse_document(line, StudyEvent, "the study's output", _LIMITS)  # type: ignore[arg-type]
    except DocumentError:
        return None
    return event
