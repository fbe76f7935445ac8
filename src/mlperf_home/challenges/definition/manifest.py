"""Manifests of challenges: `challenge/*/_cm.json` of repositories; see challenge.schema.json."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.equivalence import MARGIN
from scriptgraph.embed import Malformed, Place, Shape, each, members, pointer_to, read_text, read_texts, read_values
from scriptgraph.errors import DocumentError, ManifestError, nearest
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.embed import Values

MANIFEST_NAME = "_cm.json"
CHALLENGE_LIMITS = Limits(size=1 << 20, depth=16, values=20_000)
"""The longest manifest has 6 kB."""
BETTER = ("more", "less")
PLACES = ("results_dir", "all_results_dir", "experiments_dir", "pictures_dir", "hw_name")
"""Placeholders for an option's value, as "{results_dir}", besides the challenge's own options."""

_PLACEHOLDER = re.compile(r"^\{([a-z_]+)\}$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_T = TypeVar("_T")
_HOUR_S = 3600


class ChallengeError(LocatedError):
    """A challenge is unknown, or cannot run here."""


def stands_for(value: object) -> str | None:
    """Return the name in a placeholder such as "{results_dir}"; None for other values."""
    match = _PLACEHOLDER.match(value) if isinstance(value, str) else None
    return match.group(1) if match else None


@dataclass(frozen=True)
class Call:
    """A command of a workflow: the arguments of `cm run script`.

    A placeholder such as "{results_dir}" names a place or an option of the challenge; without a value it is left out.
    """

    tags: str
    options: Values = field(default_factory=dict)
    env: Values = field(default_factory=dict)

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the placeholders among the values."""
        return frozenset(filter(None, map(stands_for, (*self.options.values(), *self.env.values()))))


@dataclass(frozen=True)
class Needs:
    """The requirements of a workflow.

    Attributes:
        disk_gb: free space, in units of 10^9 bytes.
        memory_gb: usable memory, in units of 10^9 bytes; 0: any.
        cpus: the required CPU features, by the kernel's names, of each supported architecture; empty: any CPU.
        options: required options of the challenge.
        after: earlier workflows; the results of at least one are required.
    """

    disk_gb: float = 0.0
    memory_gb: float = 0.0
    cpus: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def cpu_words(self) -> str:
        """The required CPUs, for people; "" for any CPU."""
        return " or ".join(" with ".join((name, *features)) for name, features in self.cpus.items())


@dataclass(frozen=True)
class Probe:
    """The estimate of a workflow's time: a short run that measures a target, and the amount of work.

    Attributes:
        call: the short run (find-performance).
        fixed_s: seconds outside the performance runs that do not depend on the machine.
        least_s: minimum seconds of all performance runs together.
        performance_samples: samples of all performance runs; they count if they take longer than `least_s`.
        accuracy_samples: samples of all accuracy runs.
        relative_cost: time of a workflow's sample relative to the probe's; 1 for the same model.
        source: the origin of these numbers.
    """

    call: Call
    fixed_s: float
    least_s: float
    performance_samples: float
    accuracy_samples: float
    relative_cost: float
    source: str

    @property
    def assumptions(self) -> str:
        """The origin of the numbers, as the end of an estimate's text."""
        return f"; assumed: {self.source}"

    def hours(self, sample_s: float) -> float:
        """Return the expected hours of the workflow if the probe's sample takes `sample_s` seconds."""
        cost_s = sample_s * self.relative_cost
        performance_s = max(self.least_s, self.performance_samples * cost_s)
        return (self.fixed_s + performance_s + self.accuracy_samples * cost_s) / _HOUR_S


@dataclass(frozen=True)
class Mode:
    """A workflow on the real data or on the sample; without a probe its time stays unknown."""

    call: Call
    needs: Needs = field(default_factory=Needs)
    probe: Probe | None = None


@dataclass(frozen=True)
class Workflow:
    """One part of a challenge: the name of its results folder, a title, and two modes."""

    name: str
    title: str
    official: Mode
    sample: Mode

    def mode(self, *, sample: bool) -> Mode:
        """Return the mode for the sample or the real data."""
        return self.sample if sample else self.official

    @property
    def calls(self) -> list[Call]:
        """All commands, including those of the probes."""
        return [part.call for mode in (self.official, self.sample) for part in (mode, mode.probe) if part]


@dataclass(frozen=True)
class RankingMetric:
    """A value of a benchmark's measurements that ranks results; `better` is one of BETTER."""

    name: str
    benchmark: str
    better: str


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One challenge.

    Attributes:
        opened, closed: the first and the last day on which a bundle counts.
        points: points for a bundle that counts.
        guides: names of files beside the manifest.
        options: descriptions of the challenge's own options.
        speed_margin: the greatest difference of a speed that counts as reproduced, as a share.
        copied_accuracy: whether results count whose accuracy is copied from others.
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
    metrics: tuple[RankingMetric, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    workflows: tuple[Workflow, ...]
    speed_margin: float = MARGIN
    copied_accuracy: bool = False

    @property
    def scripts(self) -> Path:
        """The `script/` folder of the challenge's repository, whose scripts its commands prefer."""
        return self.folder.resolve().parents[1] / "script"

    def state(self, today: date) -> str:
        """Return "not yet open", "open", or "closed"."""
        if today < self.opened:
            return "not yet open"
        return "closed" if today > self.closed else "open"


def make_challenge(document: Any, path: Path) -> Challenge:
    """Decode the JSON of a challenge's manifest. Raise ManifestError with the place if it is malformed."""
    return Place(path, "", document).read(lambda value: _CHALLENGE(value, folder=path.parent))


def _checked(read: Callable[[Any], _T], accepts: Callable[[_T], object], problem: str) -> Callable[[Any], _T]:
    """Return a reader that refuses values with `problem` unless `accepts` holds."""

    def read_checked(value: Any) -> _T:
        decoded = read(value)
        if not accepts(decoded):
            raise Malformed(problem)
        return decoded

    return read_checked


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(read_text(value))
    except ValueError:
        raise Malformed("must be a date, such as 2023-07-04") from None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise Malformed("must be a finite number, 0 or more")
    return value


def _shape(
    make: Callable[..., _T], required: Mapping[str, Callable[[Any], Any]], **optional: Callable[[Any], Any]
) -> Shape[_T]:
    """Return a reader of objects with required and optional keys."""
    missing = {key: f"{key!r} is missing" for key in sorted(required)}
    return Shape({**required, **optional}, make, missing, names={"alias": "name"})


def _with_call(make: Callable[..., _T]) -> Callable[..., _T]:
    """Return `make` with tags, options, and env combined in one argument, `call`."""

    def make_with_call(**values: Any) -> _T:
        call = {key: values.pop(key) for key in ("tags", "options", "env") if key in values}
        return make(call=Call(**call), **values)

    return make_with_call


def _challenge(*, automation_alias: str, automation_uid: object, **values: Any) -> Challenge:
    del automation_alias, automation_uid  # only cmind uses them
    challenge = Challenge(**values)
    if challenge.closed < challenge.opened:
        raise Malformed(f"is before the opening day, {challenge.opened}", "/closed")
    for position, name in enumerate(challenge.guides):
        if not (challenge.folder / name).is_file():
            raise Malformed(f"{name!r} is no file in {challenge.folder}", f"/guides/{position}")
    names = [workflow.name for workflow in challenge.workflows]
    if not names or len(set(names)) < len(names):
        raise Malformed("must hold at least one workflow, with unique names", "/workflows")
    for position, workflow in enumerate(challenge.workflows):
        for key, mode in (("official", workflow.official), ("sample", workflow.sample)):
            for pointer, problem in _unknown_names(mode, challenge.options, names[:position]):
                raise Malformed(problem, f"/workflows/{position}/{key}{pointer}")
    return challenge


def _unknown_names(mode: Mode, options: Mapping[str, str], before: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pointers and problems of unknown placeholders, options, and earlier workflows."""
    known = {*options, *PLACES}
    for base, call in (("", mode.call), ("/probe", mode.probe.call if mode.probe else Call(""))):
        for key, block in (("options", call.options), ("env", call.env)):
            for name, value in block.items():
                if (placeholder := stands_for(value)) and placeholder not in known:
                    problem = f"{value!r} is unknown; use one of: {', '.join(sorted(known))}"
                    yield f"{base}/{key}{pointer_to(name)}", problem
    for name in mode.needs.options:
        if name not in known:
            yield "/needs/options", f"{name!r} is no option of the challenge"
    for name in mode.needs.after:
        if name not in before:
            yield "/needs/after", f"{name!r} is no earlier workflow"


_LINE = _checked(read_text, lambda text: text.strip() and text.isprintable(), "must be one non-empty line of text")
_WORD = _checked(read_text, _NAME.fullmatch, "must be a name of letters, digits, and . _ @ + -")
_TAGS = {"tags": lambda value: ",".join(read_texts(value))}
_BLOCKS = {"options": read_values, "env": read_values}
_NUMBERS = ("fixed_s", "least_s", "performance_samples", "accuracy_samples", "relative_cost")
_GIGABYTES = {"disk_gb": _number, "memory_gb": _number}
_NEEDS = _shape(Needs, {}, **_GIGABYTES, cpus=members(read_texts), options=read_texts, after=read_texts)
_PROBE = _shape(_with_call(Probe), {**_TAGS, **dict.fromkeys(_NUMBERS, _number), "source": _LINE}, **_BLOCKS)
_MODE = _shape(_with_call(Mode), _TAGS, **_BLOCKS, needs=_NEEDS, probe=_PROBE)
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
        "metrics": each(_shape(RankingMetric, {"name": _WORD, "benchmark": _WORD, "better": _BETTER})),
        "workflows": each(_shape(Workflow, {"name": _WORD, "title": _LINE, "official": _MODE, "sample": _MODE})),
    },
    tags=read_texts,
    guides=each(_WORD),
    options=members(_LINE),
    copied_accuracy=_checked(lambda value: value, lambda value: isinstance(value, bool), "must be true or false"),
    speed_margin=_checked(_number, lambda share: 0 < share <= 1, "must be a share above 0, and at most 1"),
)


def find_challenges(roots: Sequence[Path], tags: Iterable[str] = ()) -> tuple[list[Challenge], list[str]]:
    """Return the challenges with all these tags, ordered by path, and the errors of malformed manifests."""
    required, challenges, errors = set(tags), [], []
    for path in sorted({path for root in roots for path in (root / "challenge").glob(f"*/{MANIFEST_NAME}")}):
        try:
            challenge = _read(path)
        except ManifestError as error:
            errors.append(str(error))
            continue
        if required <= {*challenge.tags, challenge.name}:
            challenges.append(challenge)
    return challenges, errors


def load_challenge(roots: Sequence[Path], name: str) -> Challenge:
    """Return the challenge with a name or uid.

    Raises:
        ChallengeError: there is no such challenge.
        ManifestError: its manifest is malformed.
    """
    for root in roots:
        path = root / "challenge" / name / MANIFEST_NAME
        if "/" not in name and name not in {"", ".", ".."} and path.is_file():
            return _read(path)
    challenges, errors = find_challenges(roots)
    for challenge in challenges:
        if challenge.uid == name:
            return challenge
    names = [challenge.name for challenge in challenges]
    close = nearest(name, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"known challenges: {', '.join(names) or 'none'}"
    problem = f"there is no challenge {name!r}" if name else "no challenge is named"
    raise ChallengeError("cm ... challenge NAME", problem, "; ".join([hint, *errors]))


def _read(path: Path) -> Challenge:
    try:
        document = read_json(path, CHALLENGE_LIMITS)
    except DocumentError as error:
        raise ManifestError(path, error.pointer, error.problem) from None
    challenge = make_challenge(document, path)
    if challenge.name != path.parent.name:
        raise ManifestError(path, "/alias", f"{challenge.name!r} differs from the folder's name, {path.parent.name!r}")
    return challenge
