"""Values to explore: lists and ranges from JSON, and the trials that a command has with them."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.studies.experiment import ValueRange
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = str | int | float
MOST_POINTS = 10_000
POINT = "POINT"
"""The placeholder for a folder of the trial's own, which keeps results apart."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"\{\{([^{}]*)\}\}")
_LIMITS = Limits(size=4 << 20, depth=8, values=200_000)
_EXAMPLE = '{"BATCH": [1, 2, 4], "THREADS": {"from": 1, "to": 8, "step": 1}}'


class ValuesError(LocatedError):
    """The values cannot be read, or do not match the placeholders of the command."""


@dataclass(frozen=True)
class Trial:
    """One combination of values: its number in the experiment, the values, and the words of the command."""

    number: int
    values: Mapping[str, Value]
    argv: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key of the trial in the journal."""
        return json.dumps(self.values, sort_keys=True)

    @property
    def words(self) -> str:
        """The values, for people."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


def read_values(text: str | bytes, where: str) -> dict[str, list[Value]]:
    """Read values by variable. Raise ValuesError if the text is not JSON, or a value neither a list nor a range."""
    try:
        document = parse_json(text, where, _LIMITS, unique=True)
    except DocumentError as error:
        raise ValuesError(where, error.fault, f"write for instance {_EXAMPLE}") from None
    if not isinstance(document, dict) or not document:
        raise ValuesError(where, "is not an object of variables", f"write for instance {_EXAMPLE}")
    values = {name: _read_list(name, value, where) for name, value in document.items()}
    if math.prod(map(len, values.values())) > MOST_POINTS:
        raise ValuesError(where, f"has more than {MOST_POINTS} combinations", "remove values")
    return values


def read_value_options(explore: str, file: Path | None) -> dict[str, list[Value]]:
    """Read values from JSON text or "@FILE" in `explore`, or from `file`.

    Raises:
        ValuesError: neither or both are set, or the values cannot be read.
    """
    if bool(explore) == bool(file):
        raise ValuesError("--explore", "values are absent, or set twice", "use --explore=JSON or --explore_file=FILE")
    if explore.startswith("@"):
        file = Path(explore[1:]).expanduser()
    if file is None:
        return read_values(explore, "--explore")
    try:
        with file.open("rb") as opened:
            return read_values(opened.read(_LIMITS.size + 1), str(file))
    except OSError as error:
        raise ValuesError(file, f"cannot be read ({error.strerror})", "use a readable file with JSON") from None


def make_trials(values: Mapping[str, Sequence[Value]], words: Sequence[str], folder: str) -> list[Trial]:
    """Return a trial for each combination of values, with the values in place of {{VARIABLE}} in the words.

    A word stays one word for all values; {{POINT}} stands for `folder` and the trial's number.

    Raises:
        ValuesError: a variable has no placeholder, or a placeholder has no variable.
    """
    places = {name for word in words for name in _PLACE.findall(word)}
    if unknown := sorted(places - {*values, POINT}):
        known = ", ".join(sorted({*values, POINT}))
        raise ValuesError(f"{{{{{unknown[0]}}}}}", "is not a variable of --explore", f"use one of {known}")
    if unused := sorted(set(values) - places):
        advice = f"write {{{{{unused[0]}}}}} there, or remove the variable"
        raise ValuesError(f"--explore: {unused[0]}", "has no placeholder in the command", advice)
    trials = []
    for number, combination in enumerate(itertools.product(*values.values()), 1):
        chosen = dict(zip(values, combination, strict=True))
        texts = {name: str(value) for name, value in chosen.items()} | {POINT: f"{folder}/{number}"}
        argv = tuple(_PLACE.sub(lambda place, texts=texts: texts[place[1]], word) for word in words)  # type: ignore[misc]
        trials.append(Trial(number, chosen, argv))
    return trials


def _read_list(name: str, document: Any, where: str) -> list[Value]:
    place = f"{where}: {name}"
    if not _NAME.fullmatch(name) or name == POINT:
        raise ValuesError(place, "is not a variable's name", "use letters, digits and _; POINT is reserved")
    if isinstance(document, dict):
        return _read_range(document, place)
    if not isinstance(document, list) or not document:
        raise ValuesError(place, "is neither a list of values nor a range", f"write for instance {_EXAMPLE}")
    for value in document:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValuesError(place, f"{json.dumps(value)} is neither a text nor a number", "correct it")
    if len(set(map(str, document))) != len(document):
        raise ValuesError(place, "has a value twice", "remove one")
    return list(document)


def _read_range(document: object, place: str) -> list[Value]:
    advice = 'write {"from": 1, "to": 8, "step": 1}'
    try:
        ends = decode(document, ValueRange, place)
    except DocumentError as error:
        problem = "has an end that is not a number" if error.pointer else "is not a range"
        raise ValuesError(place, problem, advice) from None
    first, last, step = ends.first, ends.last, ends.step
    if not all(map(math.isfinite, (first, last, step))):
        raise ValuesError(place, "has an end that is not a number", advice)
    if step <= 0 or last < first:
        raise ValuesError(place, "has no end", "use a step above 0, and a `to` not below `from`")
    # The tolerance lets 0.1, 0.2, ... reach 0.3.
    count = math.floor((last - first) / step + 1e-9) + 1
    if count > MOST_POINTS:
        raise ValuesError(place, f"has more than {MOST_POINTS} values", "use a larger step")
    return [round(first + number * step, 12) for number in range(count)]
