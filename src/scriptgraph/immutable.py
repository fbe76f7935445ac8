"""Values with named fields that cannot be changed, for the modules that every command imports.

What a frozen dataclass is, but no methods are compiled for each class: thirty dataclasses cost a command a third of
what the front-end itself does, thirty named tuples a tenth, these nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_how: bool) -> Any:
        """Stand in for what only a type checker looks at."""
        return lambda made: made


@dataclass_transform(frozen_default=True)
class Immutable:
    """The base of such classes: their annotations are the fields, in order, and what is assigned there the defaults."""

    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        names = tuple(cls.__annotations__)
        cls._fields = (*cls._fields, *names)
        cls._defaults = {**cls._defaults, **{name: vars(cls)[name] for name in names if name in vars(cls)}}

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        given = dict(zip(fields, values, strict=False))
        state = {**self._defaults, **given, **named}
        if len(values) > len(fields) or given.keys() & named.keys() or state.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}: not {values}, {named}")
        vars(self).update(state)

    def replaced(self, **named: Any) -> Self:
        """Give the same with other values of some fields."""
        return type(self)(**{**dict(zip(self._fields, self._values(), strict=True)), **named})

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
