"""The limits that a manifest states for an option's value: its kind, its range, its choices, its length."""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scriptgraph.manifest.types import Input

# As `maximum`: the number of CPUs that the process may use, which the manifest cannot know.
CPUS = "cpus"
# Python converts other scripts' digits, underscores and "inf" too; a user who types them has made a mistake.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_SEPARATORS = re.compile(r"[,;]")
_MOST_LETTERS = 40
# The limit of file systems, less room for the suffixes of unfinished files.
_LONGEST_NAME_BYTES = 200


def is_plain_name(name: str) -> bool:
    """Whether a text names a file within a folder; names that begin with a dot are reserved."""
    plain = name == name.strip() and name.isprintable() and "/" not in name and not name.startswith(".")
    return plain and bool(name) and _bytes(name) <= _LONGEST_NAME_BYTES


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def range_words(option: Input) -> str:
    """Return the range of a number in words: "a whole number from 1 to 65,536"."""
    kind = f"{'a whole' if option.whole else 'a'} number"
    if option.kind == "numbers":
        kind = f"{'whole' if option.whole else ''} numbers".strip()
    low = f"from {_shown(option.minimum)}" if option.minimum is not None else ""
    low = f"above {_shown(option.above)}" if option.above is not None else low
    if option.maximum is None and option.below is None:
        return f"{kind} {low}".strip()
    high = f"below {_shown(option.below)}" if option.below is not None else ""
    if option.maximum is not None:
        high = f"to {_shown(option.maximum)}" if low.startswith("from") else f"up to {_shown(option.maximum)}"
    return " ".join(part for part in (kind, low, "and" if option.above is not None else "", high) if part)


def _shown(bound: float | str) -> str:
    if isinstance(bound, str):
        return "the number of CPUs that the process may use"
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


def problem_of(option: Input, text: str) -> str:
    """Return what is wrong with the text of a value, as "must be ..."; empty if it is within the limits."""
    check = _CHECKS.get(option.kind)
    if check is not None and (problem := check(option, text)):
        return problem
    if option.longest and _bytes(text) > option.longest:
        return f"must have at most {option.longest} bytes"
    return ""


def _problem_of_numbers(option: Input, text: str) -> str:
    words = [word.strip() for word in _SEPARATORS.split(text) if word.strip()]
    if not words:
        return f"must be {range_words(option)}, separated by commas"
    found = ((word, _problem_of_number(option, word)) for word in words if word not in option.choices)
    others = f", or {' or '.join(option.choices)}" if option.choices else ""
    return next((f"{word[:_MOST_LETTERS]!r} {problem}{others}" for word, problem in found if problem), "")


def _problem_of_number(option: Input, text: str) -> str:
    text = text.strip()
    if not (_WHOLE if option.whole else _NUMBER).fullmatch(text):
        return f"must be {'a whole' if option.whole else 'a'} number"
    # Python refuses to convert thousands of digits, and no bound has many.
    value = inf if len(text) > _MOST_LETTERS else int(text) if option.whole else float(text)
    return next((problem for problem, holds in _bounds(option, value) if not holds), "")


def _bounds(option: Input, value: float) -> Iterator[tuple[str, bool]]:
    """Yield each bound as a problem, and whether the value keeps it."""
    if option.minimum is not None:
        yield f"must be {_shown(option.minimum)} or more", value >= option.minimum
    if option.above is not None:
        yield f"must be above {_shown(option.above)}", value > option.above
    if option.below is not None:
        yield f"must be below {_shown(option.below)}", value < option.below
    if option.maximum is not None and not isinstance(option.maximum, str):
        yield f"must be at most {_shown(option.maximum)}", value <= option.maximum
    # "1e999" is infinite.
    yield f"must have at most {_MOST_LETTERS} digits", abs(value) < inf


def _problem_of_name(_option: Input, text: str) -> str:
    return (
        "" if is_plain_name(text) else f"must be a plain name without folders, of at most {_LONGEST_NAME_BYTES} bytes"
    )


_CHECKS: dict[str, Callable[[Input, str], str]] = {
    "number": _problem_of_number,
    "numbers": _problem_of_numbers,
    "name": _problem_of_name,
}
