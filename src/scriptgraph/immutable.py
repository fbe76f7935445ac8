"""Immutable values with named fields, for the modules that every command imports.

They act like frozen dataclasses, without compiling methods for each class. Thirty dataclasses cost a command a third of
the front-end's own time, thirty named tuples a tenth, and these nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_how: bool) -> Any:
        """Replace a decorator that only type checkers need."""
        return lambda made: made


@dataclass_transform(frozen_default=True)
class Immutable:
    """A base class: annotations are the fields, in order, and assigned values are their defaults."""

    _fields: ClassVar[tuple[str, ...]] = ()
    _names: ClassVar[frozenset[str]] = frozenset()
    field_defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        names = tuple(cls.__annotations__)
        cls._fields = (*cls._fields, *names)
        cls._names = frozenset(cls._fields)
        cls.field_defaults = {**cls.field_defaults, **{name: vars(cls)[name] for name in names if name in vars(cls)}}

    def __init__(self, *values: Any, **named: Any) -> None:
        # A plan creates thousands of these, so no field is visited one by one.
        state, fields = vars(self), self._fields
        state.update(self.field_defaults)
        state.update(zip(fields, values, strict=False))
        state.update(named)
        twice = values and named and not named.keys().isdisjoint(fields[: len(values)])
        if state.keys() != self._names or len(values) > len(fields) or twice:
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}: not {values}, {named}")

    def replaced(self, **named: Any) -> Self:
        """Return a copy with some fields replaced."""
        state = vars(self)
        return type(self)(**{**{name: state[name] for name in self._fields}, **named})

    def _values(self) -> tuple[Any, ...]:
        return tuple(vars(self)[name] for name in self._fields)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self._values(), strict=True))
        return f"{type(self).__name__}({shown})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")
