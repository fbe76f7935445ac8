"""`wanted.json`: what the crowd of a board does not know yet, as workflows of challenges that would settle it.

The list names a challenge, a workflow and a class of machines, and nothing that runs: no command, address or option.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

WANTED_LIMITS = Limits(size=4 << 20, depth=6, values=200_000)
"""A thousand runs with twenty places each have some 120,000 values."""

WANTED_FILE = "wanted.json"
WANTED_SIGNATURE = f"{WANTED_FILE}.sig"
MOST_RUNS, MOST_PLACES, MOST_HOURS = 1000, 200, 10_000.0

Line = Annotated[str, Meta(max_length=200)]
ListedName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")]
Doubt = Literal["on the front, measured once", "near the front, measured once", "on the front, predicted"]


class WantedPlace(Document):
    """An undecided place of a front: a second measurement, or a first one, settles it."""

    benchmark: Line
    scenario: Line
    model: Line
    because: Doubt


class WantedClass(Document):
    """The machines that can settle it; "" and None where unknown."""

    cpu: Line
    cores: Annotated[int, Meta(ge=1, le=1 << 20)] | None = None
    architecture: Line = ""
    confined: Line = ""
    runtime: Line = ""


class WantedRun(Document):
    """A workflow on a class of machines.

    Attributes:
        challenge, workflow: the names of the challenge and of its workflow.
        of: the class of machines.
        results: the number of results that need a second measurement.
        places: the undecided places of fronts.
        gain: the number of these places, also of those that the list has no room for.
        hours: how long it took others on such machines; None if unknown.
        credit: the results that may be credited for it.
        keys: the keys that have measured it; another contributor is needed.
    """

    challenge: ListedName
    workflow: ListedName
    of: WantedClass
    results: Annotated[int, Meta(ge=0, le=1 << 40)]
    places: Annotated[tuple[WantedPlace, ...], Meta(max_length=MOST_PLACES)] = ()
    gain: Annotated[int, Meta(ge=0, le=1 << 40)]
    hours: Annotated[float, Meta(ge=0, le=MOST_HOURS)] | None = None
    credit: Annotated[int, Meta(ge=0, le=1 << 40)]
    keys: Annotated[tuple[Line, ...], Meta(max_length=MOST_RUNS)] = ()


class WantedList(Document):
    """All that is wanted, the greatest gain first.

    Attributes:
        board: the name of the board.
        sample: whether it is a board of samples: its runs are on the sample.
        updated_utc: when the board took its newest bundle.
        left_out: the number of runs that the list has no room for.
    """

    schema: Literal["mlperf-home/wanted/1"] = "mlperf-home/wanted/1"
    board: Line
    sample: bool
    updated_utc: Line
    runs: Annotated[tuple[WantedRun, ...], Meta(max_length=MOST_RUNS)] = ()
    left_out: Annotated[int, Meta(ge=0, le=1 << 40)] = 0
