"""Read the text of `lscpu -J` (util-linux): flat in most versions, nested in some."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Run it with LC_ALL=C: the names of the fields are translated.
LSCPU = ("lscpu", "-J")
_UNITS = {"": 1, "B": 1, "K": 1 << 10, "KIB": 1 << 10, "M": 1 << 20, "MIB": 1 << 20, "G": 1 << 30, "GIB": 1 << 30}
_CACHE_LABEL = re.compile(r"(L\d[di]?)( cache)?")
_CACHE_VALUE = re.compile(r"([\d.]+)\s*([A-Za-z]*)(?:\s*\((\d+) instances?\))?")


@dataclass(frozen=True)
class Lscpu:
    """Fields of lscpu by name, without the colon; "-" and empty values are left out.

    A CPU with several kinds of cores repeats fields, so each has a list.
    """

    fields: dict[str, list[str]]

    def text(self, name: str) -> str | None:
        """Return a field; different values of several kinds of cores are joined."""
        values = list(dict.fromkeys(self.fields.get(name, [])))
        return " + ".join(values) or None

    def numbers(self, name: str) -> list[float]:
        """Return a field as numbers, one for each kind of cores; empty where one is no number."""
        try:
            return [float(value.replace(",", ".")) for value in self.fields.get(name, [])]
        except ValueError:
            return []

    def count(self, name: str) -> int | None:
        """Return a field as a whole number, the first of several kinds of cores."""
        return next(map(int, self.numbers(name)), None)

    def total(self, name: str) -> int | None:
        """Return the sum of a field over the kinds of cores."""
        values = self.fields.get(name, [])
        return sum(map(int, values)) if values and all(value.isdecimal() for value in values) else None

    def caches(self) -> Iterator[tuple[str, int, int | None]]:
        """Return each cache: its name ("L1d"), the bytes of all instances together, and how many there are.

        Without the number of instances, lscpu before 2.34 gave the size of one of them, later
        ones the sum: then the size cannot be trusted.
        """
        for label, values in self.fields.items():
            named = _CACHE_LABEL.fullmatch(label)
            found = _CACHE_VALUE.fullmatch(values[0].strip()) if named else None
            if named and found and found[2].upper() in _UNITS:
                size = int(float(found[1]) * _UNITS[found[2].upper()])
                yield named[1], size, int(found[3]) if found[3] else None


def parse(text: str | None) -> Lscpu | None:
    """Read lscpu's JSON; None where there is none, or it is not readable."""
    if not text:
        return None
    try:
        document: Any = json.loads(text)
        fields: dict[str, list[str]] = {}
        for name, value in _walk(document["lscpu"]):
            fields.setdefault(name, []).append(value)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Lscpu(fields)


def _walk(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        value = str(entry.get("data") or "").strip()
        if value and value != "-":
            yield entry["field"].strip().rstrip(":").strip(), value
        yield from _walk(entry.get("children") or [])
