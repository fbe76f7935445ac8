"""Compare a document of a bundle with the same document derived from the rest of the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.contracts.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 80


class Contradiction(NamedTuple):
    """A place where two documents differ: its JSON pointer, and the texts of both values."""

    pointer: str
    stated: str
    derived: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the document'} is {self.stated}, but the rest of the bundle gives {self.derived}"


def first_contradiction(stated: object, derived: object) -> Contradiction | None:
    """Return the first place where a document differs from the derived one; None if they are equal."""
    return next(_differences(encode(stated), encode(derived), ""), None)


def _differences(stated: Any, derived: Any, pointer: str) -> Iterator[Contradiction]:
    if isinstance(stated, Mapping) and isinstance(derived, Mapping):
        for key in sorted(stated.keys() | derived.keys()):
            place = f"{pointer}/{key}"
            if key in stated and key in derived:
                yield from _differences(stated[key], derived[key], place)
            else:
                texts = ("absent" if key not in each else value_text(each[key]) for each in (stated, derived))
                yield Contradiction(place, *texts)
    elif isinstance(stated, list) and isinstance(derived, list):
        for position, pair in enumerate(zip(stated, derived, strict=False)):
            yield from _differences(*pair, f"{pointer}/{position}")
        if len(stated) != len(derived):
            yield Contradiction(pointer, *(f"a list of {len(each)}" for each in (stated, derived)))
    elif stated != derived or isinstance(stated, bool) != isinstance(derived, bool):
        yield Contradiction(pointer, value_text(stated), value_text(derived))


def value_text(value: object) -> str:
    """Return a value as JSON, cut to a part of a line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
