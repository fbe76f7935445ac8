"""Challenges: the folders `challenge/*/` of repositories, each with a `_cm.json`; see challenge.schema.json."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from mlperf_home.errors import LocatedError
from scriptgraph.embed import Malformed, Place, Shape, each, members, pointer_to, read_text, read_texts, read_values
from scriptgraph.errors import DocumentError, ManifestError, nearest
from scriptgraph.files.json_reader import Limits, parse_json, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.embed import Values

MANIFEST_NAME = "_cm.json"
CHALLENGE_LIMITS = Limits(size=1 << 20, depth=16, values=20_000)
"""The longest so far has 6 kB."""
BETTER = ("more", "less")
PLACES = ("results_dir", "all_results_dir", "experiments_dir", "pictures_dir", "hw_name")
"""What an option's value may stand for besides the challenge's own options, as "{results_dir}"."""

_PLACEHOLDER = re.compile(r"^\{([a-z_]+)\}$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_T = TypeVar("_T")


class ChallengeError(LocatedError):
    """A challenge is not there, or cannot be run, as things are."""


def stands_for(value: object) -> str | None:
    """Return the name of the place or option that a value such as "{results_dir}" stands for."""
    found = _PLACEHOLDER.match(value) if isinstance(value, str) else None
    return found.group(1) if found else None


@dataclass(frozen=True)
class Call:
    """A command of a workflow: what follows `cm run script`.

    A text such as "{results_dir}" stands for a place or for an option of the challenge, and is left out where that was
    not given.
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
        return " or ".join(" with ".join((name, *features)) for name, features in self.cpus.items())


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
    """A workflow on the real data, or on the sample; without a probe its time is not estimated."""

    call: Call
    needs: Needs = field(default_factory=Needs)
    probe: Probe | None = None


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
        return [one.call for mode in (self.official, self.sample) for one in (mode, mode.probe) if one]


@dataclass(frozen=True)
class Metric:
    """What results are ranked by: a value of a measurement, of one benchmark; `better` is one of BETTER."""

    name: str
    benchmark: str
    better: str


@dataclass(frozen=True, kw_only=True)
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
    tags: tuple[str, ...] = ()
    title: str
    opened: date
    closed: date
    points: int
    rules: tuple[str, ...]
    guides: tuple[str, ...] = ()
    metrics: tuple[Metric, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    workflows: tuple[Workflow, ...]

    def state(self, today: date) -> str:
        """Whether it is "not yet open", "open" or "closed" on a day."""
        if today < self.opened:
            return "not yet open"
        return "closed" if today > self.closed else "open"


def decode_challenge(text: str, path: Path) -> Challenge:
    """Read a challenge's manifest. Raise ManifestError, which says where, if it is not JSON or malformed."""
    try:
        document = parse_json(text, path, CHALLENGE_LIMITS)
    except DocumentError as error:
        raise ManifestError(path, error.pointer, error.problem) from None
    return make_challenge(document, path)


def make_challenge(document: Any, path: Path) -> Challenge:
    """Make a challenge of its manifest's JSON. Raise ManifestError, which says where, if that is malformed."""
    return Place(path, "", document).read(lambda value: _CHALLENGE(value, folder=path.parent))


def _checked(read: Callable[[Any], _T], accepts: Callable[[_T], object], problem: str) -> Callable[[Any], _T]:
    """Return a reader that takes only what `accepts` finds true."""

    def read_checked(value: Any) -> _T:
        found = read(value)
        if not accepts(found):
            raise Malformed(problem)
        return found

    return read_checked


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(read_text(value))
    except ValueError:
        raise Malformed("must be a day, such as 2023-07-04") from None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise Malformed("must be a number that is 0 or more")
    return value


def _shape(
    make: Callable[..., _T], needed: Mapping[str, Callable[[Any], Any]], **optional: Callable[[Any], Any]
) -> Shape[_T]:
    """Return a reader of objects which must have the keys of `needed`."""
    missing = {key: f"{key!r} is missing" for key in sorted(needed)}
    return Shape({**needed, **optional}, make, missing, names={"alias": "name"})


def _calling(make: Callable[..., _T]) -> Callable[..., _T]:
    """Return `make`, with the members of a command as one argument, `call`."""

    def made(**given: Any) -> _T:
        call = {key: given.pop(key) for key in ("tags", "options", "env") if key in given}
        return make(call=Call(**call), **given)

    return made


def _challenge(*, automation_alias: str, automation_uid: object, **given: Any) -> Challenge:
    del automation_alias, automation_uid  # only cmind uses them
    made = Challenge(**given)
    if made.closed < made.opened:
        raise Malformed(f"is before the day on which it opens, {made.opened}", "/closed")
    for position, name in enumerate(made.guides):
        if not (made.folder / name).is_file():
            raise Malformed(f"{made.folder} has no such file", f"/guides/{position}")
    names = [workflow.name for workflow in made.workflows]
    if not names or len(set(names)) < len(names):
        raise Malformed("must hold one workflow or more, each with a name of its own", "/workflows")
    for position, workflow in enumerate(made.workflows):
        for key, mode in (("official", workflow.official), ("sample", workflow.sample)):
            for pointer, problem in _unknown_names(mode, made.options, names[:position]):
                raise Malformed(problem, f"/workflows/{position}/{key}{pointer}")
    return made


def _unknown_names(mode: Mode, options: Mapping[str, str], before: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Find the names that mean nothing: of a place, an option, an earlier workflow. Yield pointers and problems."""
    known = {*options, *PLACES}
    for at, call in (("", mode.call), ("/probe", mode.probe.call if mode.probe else Call(""))):
        for key, block in (("options", call.options), ("env", call.env)):
            for name, value in block.items():
                if (place := stands_for(value)) and place not in known:
                    problem = f"stands for nothing that is known: {', '.join(sorted(known))}"
                    yield f"{at}/{key}{pointer_to(name)}", problem
    for name in mode.needs.options:
        if name not in known:
            yield "/needs/options", f"{name!r} is no option of this challenge"
    for name in mode.needs.after:
        if name not in before:
            yield "/needs/after", f"{name!r} is no workflow before this one"


_LINE = _checked(read_text, lambda text: text.strip() and text.isprintable(), "must be a line of text")
_WORD = _checked(read_text, _NAME.fullmatch, "must be a name of letters, digits and . _ @ + -")
_TAGS = {"tags": lambda value: ",".join(read_texts(value))}
_BLOCKS = {"options": read_values, "env": read_values}
_NUMBERS = ("fixed_s", "least_s", "performance_samples", "accuracy_samples", "relative_cost")
_GIGABYTES = {"disk_gb": _number, "memory_gb": _number}
_NEEDS = _shape(Needs, {}, **_GIGABYTES, cpus=members(read_texts), options=read_texts, after=read_texts)
_PROBE = _shape(_calling(Probe), {**_TAGS, **dict.fromkeys(_NUMBERS, _number), "source": _LINE}, **_BLOCKS)
_MODE = _shape(_calling(Mode), _TAGS, **_BLOCKS, needs=_NEEDS, probe=_PROBE)
_BETTER = _checked(read_text, BETTER.__contains__, f"must be {' or '.join(BETTER)}")
_CHALLENGE = _shape(
    _challenge,
    {
        "automation_alias": _checked(read_text, "challenge".__eq__, 'must be "challenge"'),
        "automation_uid": lambda value: value,
        "alias": _WORD,
        "uid": _LINE,
        "title": _LINE,
        "opened": _day,
        "closed": _day,
        "points": lambda value: int(_number(value)),
        "rules": each(_LINE),
        "metrics": each(_shape(Metric, {"name": _WORD, "benchmark": _WORD, "better": _BETTER})),
        "workflows": each(_shape(Workflow, {"name": _WORD, "title": _LINE, "official": _MODE, "sample": _MODE})),
    },
    tags=read_texts,
    guides=each(_WORD),
    options=members(_LINE),
)


def find_challenges(roots: Sequence[Path], tags: Iterable[str] = ()) -> tuple[list[Challenge], list[str]]:
    """Return the challenges that have all these tags, by name, and a sentence on each manifest that cannot be read."""
    wanted, found, broken = set(tags), [], []
    for path in sorted({path for root in roots for path in (root / "challenge").glob(f"*/{MANIFEST_NAME}")}):
        try:
            challenge = _read(path)
        except ManifestError as error:
            broken.append(str(error))
            continue
        if wanted <= {*challenge.tags, challenge.name}:
            found.append(challenge)
    return found, broken


def load_challenge(roots: Sequence[Path], name: str) -> Challenge:
    """Return the challenge of a name, or of a uid. Raise ChallengeError if there is none, or ManifestError."""
    for root in roots:
        path = root / "challenge" / name / MANIFEST_NAME
        if "/" not in name and name not in {"", ".", ".."} and path.is_file():
            return _read(path)
    found, broken = find_challenges(roots)
    for challenge in found:
        if challenge.uid == name:
            return challenge
    names = [challenge.name for challenge in found]
    close = nearest(name, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}"
    problem = f"there is no challenge {name!r}" if name else "which challenge?"
    raise ChallengeError("cm ... challenge NAME", problem, "; ".join([hint, *broken]))


def _read(path: Path) -> Challenge:
    try:
        document = read_json(path, CHALLENGE_LIMITS)
    except DocumentError as error:
        raise ManifestError(path, error.pointer, error.problem) from None
    challenge = make_challenge(document, path)
    if challenge.name != path.parent.name:
        raise ManifestError(path, "/alias", f"is {challenge.name!r}, but its folder is {path.parent.name!r}")
    return challenge
