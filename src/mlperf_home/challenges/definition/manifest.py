"""A challenge's `_cm.json`, decoded: frozen types, errors located by JSON pointer; see challenge.schema.json."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from scriptgraph.embed import Fields, Place
from scriptgraph.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from scriptgraph.embed import Value, Values

MANIFEST_NAME = "_cm.json"
BETTER = ("more", "less")
PLACES = ("results_dir", "all_results_dir", "experiments_dir", "pictures_dir", "hw_name")
"""What an option's value may stand for besides the challenge's own options, as "{results_dir}"."""

_PLACEHOLDER = re.compile(r"^\{([a-z_]+)\}$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_KEYS = frozenset({
    "alias", "uid", "automation_alias", "automation_uid", "tags", "title", "opened", "closed", "points", "rules",
    "guides", "metrics", "options", "workflows",
})  # fmt: skip


def stands_for(value: object) -> str | None:
    """Return the name of the place or option that a value such as "{results_dir}" stands for."""
    found = _PLACEHOLDER.match(value) if isinstance(value, str) else None
    return found.group(1) if found else None


@dataclass(frozen=True)
class Call:
    """A command of a workflow: what follows `cm run script`.

    Attributes:
        tags: the script and its variations.
        options: by name; a text such as "{results_dir}" stands for a place or for an option of the challenge, and is
            left out where that was not given.
        env: values of the environment, as after `--env.`.
    """

    tags: str
    options: Values = field(default_factory=dict)
    env: Values = field(default_factory=dict)

    @property
    def placeholders(self) -> frozenset[str]:
        """What values stand for: places, and options of the challenge."""
        return frozenset(filter(None, map(stands_for, (*self.options.values(), *self.env.values()))))


@dataclass(frozen=True)
class Needs:
    """What a machine must have.

    Attributes:
        disk_gb: free space, in units of 10^9 bytes.
        memory_gb: memory that may be used, in units of 10^9 bytes; 0: whatever there is.
        cpus: the features, as the kernel names them, that each architecture must have; another architecture is none.
        options: options of the challenge without which it cannot run.
        after: workflows before it, of which one at least must have run or run with it: it uses what they leave.
    """

    disk_gb: float = 0.0
    memory_gb: float = 0.0
    cpus: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def cpu_words(self) -> str:
        """The CPUs, for people; "" where any will do."""
        return " or ".join(" with ".join((each, *features)) for each, features in self.cpus.items())


@dataclass(frozen=True)
class Probe:
    """How the time of a workflow is estimated: a short run that measures a target, and how much there is to do.

    Attributes:
        call: measures shortly what the machine can do (find-performance).
        fixed_s: what the workflow takes whatever the machine, besides its performance runs.
        least_s: what its performance runs take at least, together.
        performance_samples: of all performance runs, if those take longer than that.
        accuracy_samples: of all accuracy runs.
        relative_cost: what one sample of the workflow costs in samples of the probe; 1 where it runs the same model.
        source: where these numbers are from.
    """

    call: Call
    fixed_s: float
    least_s: float
    performance_samples: float
    accuracy_samples: float
    relative_cost: float
    source: str


@dataclass(frozen=True)
class Mode:
    """A workflow on the real data, or on the sample.

    Attributes:
        call: the command.
        needs: what it wants of the machine.
        probe: how its time is estimated; None: it is not.
    """

    call: Call
    needs: Needs
    probe: Probe | None


@dataclass(frozen=True)
class Workflow:
    """One part of a challenge: a word that names its folder of results, what it does, and its two modes."""

    name: str
    title: str
    official: Mode
    sample: Mode

    def mode(self, *, sample: bool) -> Mode:
        """Return one of the two."""
        return self.sample if sample else self.official

    @property
    def calls(self) -> list[Call]:
        """All its commands, those of its probes too."""
        return [each.call for mode in (self.official, self.sample) for each in (mode, mode.probe) if each]


@dataclass(frozen=True)
class Metric:
    """What results are ranked by: a value of a measurement, of one benchmark; `better` is one of BETTER."""

    name: str
    benchmark: str
    better: str


@dataclass(frozen=True)
class Challenge:
    """One challenge.

    Attributes:
        opened, closed: the first and the last day on which a bundle counts.
        points: what a bundle is worth that counts.
        guides: files beside the manifest.
        options: the challenge's own options, with what they are.
    """

    name: str
    uid: str
    folder: Path
    tags: tuple[str, ...]
    title: str
    opened: date
    closed: date
    points: int
    rules: tuple[str, ...]
    guides: tuple[str, ...]
    metrics: tuple[Metric, ...]
    options: Mapping[str, str]
    workflows: tuple[Workflow, ...]

    def state(self, today: date) -> str:
        """Whether it is "not yet open", "open" or "closed" on a day."""
        if today < self.opened:
            return "not yet open"
        return "closed" if today > self.closed else "open"


def decode_challenge(text: str, path: Path) -> Challenge:
    """Read a challenge's manifest. Raise ManifestError, which says where, if it is not JSON or malformed."""
    try:
        whole = Place(path, "", json.loads(text))
    except ValueError as error:
        raise ManifestError(path, "", f"is not JSON ({error})") from None
    fields = _demanding(whole, _KEYS, {"tags", "options", "guides"})
    options = {name: _line(place) for name, place in fields.members("options").items()}
    known = {*options, *PLACES}
    workflows: list[Workflow] = []
    for place in fields["workflows"].items():
        workflows.append(_workflow(place, known, [each.name for each in workflows]))
    challenge = Challenge(
        name=_word(fields["alias"]),
        uid=_line(fields["uid"]),
        folder=path.parent,
        tags=fields.get_as("tags", Place.texts, ()),
        title=_line(fields["title"]),
        opened=_day(fields["opened"]),
        closed=_day(fields["closed"]),
        points=int(_number(fields["points"])),
        rules=tuple(_line(place) for place in fields["rules"].items()),
        guides=tuple(_file(place) for place in fields["guides"].items()) if "guides" in fields else (),
        metrics=tuple(_metric(place) for place in fields["metrics"].items()),
        options=options,
        workflows=tuple(workflows),
    )
    if fields["automation_alias"].text() != "challenge":
        fields["automation_alias"].fail('must be "challenge"')
    if challenge.closed < challenge.opened:
        fields["closed"].fail(f"is before the day on which it opens, {challenge.opened}")
    if not workflows or len({each.name for each in workflows}) < len(workflows):
        fields["workflows"].fail("must hold one workflow or more, each with a name of its own")
    return challenge


def _workflow(place: Place, known: set[str], before: Sequence[str]) -> Workflow:
    fields = _demanding(place, {"name", "title", "official", "sample"})
    modes = (_mode(fields[name], known, before) for name in ("official", "sample"))
    return Workflow(_word(fields["name"]), _line(fields["title"]), *modes)


_CALL_KEYS = frozenset({"tags", "options", "env"})


def _mode(place: Place, known: set[str], before: Sequence[str]) -> Mode:
    fields = _demanding(place, _CALL_KEYS | {"needs", "probe"}, {"options", "env", "needs", "probe"})
    return Mode(
        _call(fields, known),
        fields.get_as("needs", lambda each: _needs(each, known, before), Needs()),
        fields.get_as("probe", lambda each: _probe(each, known), None),
    )


def _call(fields: Fields, known: set[str]) -> Call:
    nothing: Values = {}
    options, env = (fields.get_as(key, Place.values, nothing) for key in ("options", "env"))
    for key in ("options", "env"):
        for each in fields.members(key).values():
            if (name := stands_for(each.value)) and name not in known:
                each.fail(f"stands for nothing that is known: {', '.join(sorted(known))}")
    return Call(",".join(fields["tags"].texts()), options, env)


def _needs(place: Place, known: set[str], before: Sequence[str]) -> Needs:
    fields = place.mapping(frozenset({"disk_gb", "memory_gb", "cpus", "options", "after"}))
    none: tuple[str, ...] = ()
    options = fields.get_as("options", Place.texts, none)
    for name in options:
        if name not in known:
            fields["options"].fail(f"{name!r} is no option of this challenge")
    after = fields.get_as("after", Place.texts, none)
    for name in after:
        if name not in before:
            fields["after"].fail(f"{name!r} is no workflow before this one")
    return Needs(
        fields.get_as("disk_gb", _number, 0.0),
        fields.get_as("memory_gb", _number, 0.0),
        {name: each.texts() for name, each in fields.members("cpus").items()},
        options,
        after,
    )


_NUMBERS = ("fixed_s", "least_s", "performance_samples", "accuracy_samples", "relative_cost")


def _probe(place: Place, known: set[str]) -> Probe:
    fields = _demanding(place, {*_CALL_KEYS, *_NUMBERS, "source"}, {"options", "env"})
    numbers = {key: _number(fields[key]) for key in _NUMBERS}
    return Probe(_call(fields, known), **numbers, source=_line(fields["source"]))


def _metric(place: Place) -> Metric:
    fields = _demanding(place, {"name", "benchmark", "better"})
    better = fields["better"].text()
    if better not in BETTER:
        fields["better"].fail(f"must be {' or '.join(BETTER)}")
    return Metric(_word(fields["name"]), _word(fields["benchmark"]), better)


def _demanding(place: Place, keys: AbstractSet[str], optional: AbstractSet[str] = frozenset()) -> Fields:
    fields = place.mapping(frozenset(keys))
    for key in sorted(keys - optional - fields.keys()):
        place.fail(f"{key!r} is missing")
    return fields


def _line(place: Place) -> str:
    text = place.text()
    if not text.strip() or not text.isprintable():
        place.fail("must be a line of text")
    return text


def _word(place: Place) -> str:
    text = place.text()
    if not _NAME.fullmatch(text):
        place.fail("must be a name of letters, digits and . _ @ + -")
    return text


def _file(place: Place) -> str:
    name = _word(place)
    if not (place.path.parent / name).is_file():
        place.fail(f"{place.path.parent} has no such file")
    return name


def _day(place: Place) -> date:
    try:
        return date.fromisoformat(place.text())
    except ValueError:
        place.fail("must be a day, such as 2023-07-04")


def _number(place: Place) -> float:
    value: Value = place.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        place.fail("must be a number that is 0 or more")
    return value
