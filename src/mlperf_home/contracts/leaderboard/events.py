"""The journal of a board: what happened to it, one event a line, in order; lines are only appended."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.challenges.contributor import Link, Name
from mlperf_home.contracts.codec import Document
from mlperf_home.contracts.leaderboard.judging import Judgement
from scriptgraph.files.json_reader import Limits

EVENT_LIMITS = Limits(size=64 << 10, depth=3, values=200)
"""An event has some ten values; a statement with its signature takes a kilobyte."""
BOARD_LIMITS = Limits(size=16 << 10, depth=2, values=50)
"""The settings of a board."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Crowd = Literal["images", "sample"]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class BoardSettings(Document):
    """`board.json`: what a board is; `sample` boards hold samples only, others none.

    Attributes:
        crowd: the published results that its judge learns from.
        objects: the place of its bundles, s3://BUCKET/PREFIX; "" for its folder.
    """

    schema: Literal["mlperf-home/board/1"] = "mlperf-home/board/1"
    name: str
    sample: bool
    created_utc: str
    crowd: Crowd
    objects: str = ""


class Receipt(Document, tag_field="kind", tag="receipt"):
    """A bundle was taken.

    Attributes:
        number: from 1, in the order in which bundles were taken.
        batch: the number of the command that took it.
        bundle: SHA-256 of the bundle's manifest.
        archive: SHA-256 of the stored archive.
        key: fingerprint of the signing key; "" if unsigned.
        contributor: the contributor's pseudonym; "" without a name.
        repeats: SHA-256 of the manifest of the bundle that it replays.
        results: the number of its results.
    """

    number: int
    batch: int
    bundle: Digest
    archive: Digest
    taken_utc: str
    made_utc: str
    challenge: str
    key: str = ""
    contributor: str = ""
    repeats: str = ""
    results: int


class Withdrawal(Document, tag_field="kind", tag="withdrawal"):
    """A bundle was withdrawn by its signer; `signature` is that of the statement."""

    bundle: Digest
    day: Day
    statement: str
    signature: str


class Rotation(Document, tag_field="kind", tag="rotation"):
    """A contributor goes on with another key; the earlier one signed the statement."""

    key: str
    successor: str
    day: Day
    statement: str
    signature: str


class Revocation(Document, tag_field="kind", tag="revocation"):
    """A key counts for nothing since a day: it was lost or stolen."""

    key: str
    day: Day


class Voucher(Document, tag_field="kind", tag="voucher"):
    """The organiser knows whose key this is, or no longer says so."""

    key: str
    vouched: bool
    day: Day


class Forgetting(Document, tag_field="kind", tag="forgetting"):
    """The name of a contributor was erased; the pseudonym stays."""

    contributor: str
    day: Day


Event = Receipt | Withdrawal | Rotation | Revocation | Voucher | Forgetting


class KnownName(Document):
    """`names/PSEUDONYM.json`: the name of a contributor, kept apart so that it can be erased."""

    name: Name
    link: Link = ""
    key: str


class VerdictLine(Document):
    """A result has a new state; lines are only appended, and the last one of a result holds.

    Attributes:
        events: the number of the journal's events that the judge knew.
    """

    judgement: Judgement
    utc: str
    events: int
