"""Values with named fields: made by place or name, equal by content, never changed."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Mapping


class Point(Immutable):
    x: int
    y: int = 0
    marks: Mapping[str, str] = MappingProxyType({})

    @property
    def sum(self) -> int:
        return self.x + self.y

    @cached_property
    def double(self) -> int:
        return 2 * self.sum


class Named(Point):
    name: str = "?"


def test_fields_are_set_by_place_by_name_or_by_default() -> None:
    assert (Point(1).x, Point(1).y, Point(1, y=2).sum, Point(y=4, x=3).double) == (1, 0, 3, 14)
    assert repr(Point(1, marks={"a": "b"})) == "Point(x=1, y=0, marks={'a': 'b'})"


def test_a_class_below_adds_fields() -> None:
    assert repr(Named(1, name="a")) == "Named(x=1, y=0, marks=mappingproxy({}), name='a')"


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, 2, {}, 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1}), ((), {"y": 1, "z": 1})],
)
def test_missing_unknown_or_repeated_fields_are_refused(values: Any, named: Any) -> None:
    with pytest.raises(TypeError, match="Point has the fields x, y, marks"):
        Point(*values, **named)


def test_equal_fields_are_equal_whatever_was_looked_at() -> None:
    one, other = Point(1, 2, "m"), Point(1, 2, "m")
    assert one.double == 6

    assert one == other
    assert hash(one) == hash(other)
    assert one != Point(1, 3, "m")
    assert one != (1, 2, "m")


def test_nothing_can_be_changed_but_a_copy_can_differ() -> None:
    point = Point(1, 2)
    with pytest.raises(AttributeError, match=r"Point\.x cannot be changed"):
        point.x = 2
    with pytest.raises(AttributeError, match=r"Point\.x cannot be deleted"):
        del point.x
    with pytest.raises(TypeError):
        point.replaced(z=1)

    assert (point.replaced(x=5), point) == (Point(5, 2), Point(1, 2))
