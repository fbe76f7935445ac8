"""A space of points as a document: axes, their values, and which values go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

AxisValue = str | int | float | None
"""A value on an axis; null where the axis does not apply."""
AxisValues = Annotated[tuple[AxisValue, ...], Meta(min_length=1)]

SPACE_LIMITS = Limits(size=8 << 20, depth=16, values=200_000)
"""An axis can hold as many values as a space may have points, a hundred thousand; constraints name them again."""


class SpaceConstraint(Document):
    """A point with one of the values of `when` on each of its axes must have one of those of `only` on each of its."""

    when: Mapping[str, tuple[AxisValue, ...]]
    only: Mapping[str, tuple[AxisValue, ...]]


class SpaceDocument(Document):
    """A space.

    Attributes:
        schema: of this document.
        name: the space's name.
        axes: the values by axis; the first axis varies slowest.
        model_axes: the axes that decide the accuracy.
        constraints: which values go together.
    """

    schema: Literal[1]
    name: str
    axes: Annotated[Mapping[str, AxisValues], Meta(min_length=1)]
    model_axes: tuple[str, ...]
    constraints: tuple[SpaceConstraint, ...]
