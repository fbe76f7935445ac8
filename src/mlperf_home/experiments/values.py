"""Values to try, from JSON: lists and ranges, and the command's words with them put in; no code in either."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.experiment import ValueRange
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = str | int | float
MOST_POINTS = 10_000
POINT = "POINT"
"""What stands for a folder of the point's own, so that results do not fall over each other."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"\{\{([^{}]*)\}\}")
_LIMITS = Limits(size=4 << 20, depth=8, values=200_000)
_EXAMPLE = '{"BATCH": [1, 2, 4], "THREADS": {"from": 1, "to": 8, "step": 1}}'


class ValuesError(LocatedError):
    """The values cannot be read, or do not fit the command."""


@dataclass(frozen=True)
class Trial:
    """One combination: its place in the experiment, its values, and the command's words."""

    number: int
    values: Mapping[str, Value]
    argv: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its name in the journal."""
        return json.dumps(self.values, sort_keys=True)

    @property
    def words(self) -> str:
        """Its values, for people."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


def read_values(text: str | bytes, where: str) -> dict[str, list[Value]]:
    """Read values by variable. Raise ValuesError if it is not JSON, or neither a list nor a range."""
    try:
        document = parse_json(text, where, _LIMITS, unique=True)
    except DocumentError as error:
        raise ValuesError(where, error.fault, f"write for instance {_EXAMPLE}") from None
    if not isinstance(document, dict) or not document:
        raise ValuesError(where, "is no object of variables", f"write for instance {_EXAMPLE}")
    found = {name: _listed(name, given, where) for name, given in document.items()}
    if math.prod(map(len, found.values())) > MOST_POINTS:
        raise ValuesError(where, f"has more than {MOST_POINTS} combinations", "take values away")
    return found


def read_given(explore: str, file: Path | None) -> dict[str, list[Value]]:
    """Read values as JSON, as "@FILE", or from a file. Raise ValuesError if not one is given, or it is unreadable."""
    if bool(explore) == bool(file):
        raise ValuesError("--explore", "which values?", "give one of --explore=JSON and --explore_file=FILE")
    if explore.startswith("@"):
        file = Path(explore[1:]).expanduser()
    if file is None:
        return read_values(explore, "--explore")
    try:
        with file.open("rb") as opened:
            return read_values(opened.read(_LIMITS.size + 1), str(file))
    except OSError as error:
        raise ValuesError(file, f"cannot be read ({error.strerror})", "give a file with JSON in it") from None


def trials(values: Mapping[str, Sequence[Value]], words: Sequence[str], folder: str) -> list[Trial]:
    """Put each combination of values in the place of {{VARIABLE}} in the command's words.

    A word stays one word whatever the value is; {{POINT}} stands for `folder` and a number.

    Raises:
        ValuesError: a variable without a place, or a place without a variable.
    """
    places = {name for word in words for name in _PLACE.findall(word)}
    if unknown := sorted(places - {*values, POINT}):
        known = ", ".join(sorted({*values, POINT}))
        raise ValuesError(f"{{{{{unknown[0]}}}}}", "is no variable of --explore", f"there are: {known}")
    if unused := sorted(set(values) - places):
        advice = f"write {{{{{unused[0]}}}}} there"
        raise ValuesError(f"--explore: {unused[0]}", "stands nowhere in the command", advice)
    found = []
    for number, combination in enumerate(itertools.product(*values.values()), 1):
        chosen = dict(zip(values, combination, strict=True))
        texts = {name: str(value) for name, value in chosen.items()} | {POINT: f"{folder}/{number}"}
        argv = tuple(_PLACE.sub(lambda place, texts=texts: texts[place[1]], word) for word in words)  # type: ignore[misc]
        found.append(Trial(number, chosen, argv))
    return found


def _listed(name: str, given: Any, where: str) -> list[Value]:
    place = f"{where}: {name}"
    if not _NAME.fullmatch(name) or name == POINT:
        raise ValuesError(place, "is no variable's name", "use letters, digits and _; POINT has a meaning already")
    if isinstance(given, dict):
        return _range(given, place)
    if not isinstance(given, list) or not given:
        raise ValuesError(place, "is neither a list of values nor a range", f"write for instance {_EXAMPLE}")
    for value in given:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValuesError(place, f"{json.dumps(value)} is neither a text nor a number", "correct it")
    if len(set(map(str, given))) != len(given):
        raise ValuesError(place, "has a value twice", "take one away")
    return list(given)


def _range(given: object, place: str) -> list[Value]:
    advice = 'write {"from": 1, "to": 8, "step": 1}'
    try:
        ends = decode(given, ValueRange, place)
    except DocumentError as error:
        problem = "has an end that is no number" if error.pointer else "is no range"
        raise ValuesError(place, problem, advice) from None
    first, last, step = ends.first, ends.last, ends.step
    if not all(map(math.isfinite, (first, last, step))):
        raise ValuesError(place, "has an end that is no number", advice)
    if step <= 0 or last < first:
        raise ValuesError(place, "never comes to its end", "step has to be above 0, and to not below from")
    # A little more, so that 0.1, 0.2, ... reaches 0.3.
    count = math.floor((last - first) / step + 1e-9) + 1
    if count > MOST_POINTS:
        raise ValuesError(place, f"has more than {MOST_POINTS} values", "take a larger step")
    return [round(first + number * step, 12) for number in range(count)]
