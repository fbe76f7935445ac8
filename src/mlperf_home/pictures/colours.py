"""One colour for each machine, for each family of models, or for measured and imported marks."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlperf_home.contracts.studies.picture import Mark

OTHERS = "others"
# Okabe and Ito's colours, which colour-blind people can distinguish; brighter ones on a dark page. The last: others.
PALETTES = {
    "light": ["#0072b2", "#d55e00", "#00806a", "#b5548f", "#a87400", "#3b95d1", "#7a5c1e", "#6a4fb3", "#8a939c"],
    "dark": ["#5cb8f0", "#ff9d5c", "#3fd0a8", "#f0a3d0", "#f2c14e", "#9bdcff", "#d6bd85", "#bda4f5", "#75808c"],
}
_MOST = len(PALETTES["light"]) - 1
_SIZE = re.compile(r"-lite\d$")

SHADES: Mapping[str, Callable[[Mark], str]] = {
    "system": lambda mark: mark.system,
    "family": lambda mark: _SIZE.sub("-lite", mark.facts.get("family") or "unknown"),
    "measured": lambda mark: "imported" if mark.imported else "this machine",
}
"""What a colour can stand for, by name; the group of a mark."""


def groups(marks: Sequence[Mark]) -> dict[str, list[str]]:
    """Return the groups that have colours, by what a colour can stand for; this machine's come first.

    Of more groups than colours, the smallest are one: OTHERS.
    """
    return {name: _groups(marks, shade) for name, shade in SHADES.items()}


def _groups(marks: Sequence[Mark], shade: Callable[[Mark], str]) -> list[str]:
    counts = Counter(map(shade, marks))
    own = Counter(shade(mark) for mark in marks if not mark.imported)
    ordered = sorted(counts, key=lambda group: (-own[group], -counts[group], group))
    return ordered if len(ordered) <= _MOST else [*ordered[: _MOST - 1], OTHERS]


def usual_shade(found: Mapping[str, Sequence[str]]) -> str:
    """Return the name of the shade that tells most: the first with several groups, each of them with a colour."""
    several = [name for name in ("system", "measured", "family") if len(found[name]) > 1]
    return next((name for name in several if OTHERS not in found[name]), "measured")


def group_of(mark: Mark, shade: str, known: Sequence[str]) -> str:
    """Return the group of a mark, OTHERS if it has no colour of its own."""
    group = SHADES[shade](mark)
    return group if group in known else OTHERS


def colour(group: str, known: Sequence[str], palette: str = "light") -> str:
    """Return the colour of a group."""
    return PALETTES[palette][_MOST if group == OTHERS else known.index(group)]
