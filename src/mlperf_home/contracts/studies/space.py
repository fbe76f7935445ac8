"""A space of points as a document: axes, their values, and the constraints between them."""

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
"""Limits for axes with as many values as a space may have points, 100,000, repeated in constraints."""


class SpaceConstraint(Document):
    """A rule: a point whose values match `when` on each of its axes must match `only` on each of its axes."""

    when: Mapping[str, tuple[AxisValue, ...]]
    only: Mapping[str, tuple[AxisValue, ...]]


class SpaceDocument(Document):
    """A space.

    Attributes:
        schema: the version of this format.
        name: the name of the space.
        axes: the values by axis; the first axis varies slowest.
        model_axes: the axes that determine the accuracy.
        constraints: the rules that every point satisfies.
    """

    schema: Literal[1]
    name: str
    axes: Annotated[Mapping[str, AxisValues], Meta(min_length=1)]
    model_axes: tuple[str, ...]
    constraints: tuple[SpaceConstraint, ...]
