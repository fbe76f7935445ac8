"""A backend's own options, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Options:
    """The options of one backend by name; a wrong one is an error that names it."""

    def __init__(self, backend: str, given: Mapping[str, Any]) -> None:
        """Keep the options of `backend`, which errors name."""
        self._backend = backend
        self._given = given

    def only(self, *known: str) -> None:
        """Refuse options that are not among the known ones.

        Raises:
            BackendError: there is another.
        """
        unknown = sorted(set(self._given) - set(known))
        if unknown:
            raise BackendError(
                f"backend {self._backend}: unknown option {unknown[0]!r}; it has {', '.join(known) or 'none'}"
            )

    def flag(self, name: str, *, default: bool) -> bool:
        """Give a yes or no."""
        value = self._given.get(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def count(self, name: str) -> int | None:
        """Give a positive whole number; None if it was not given."""
        value = self._given.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise self._wrong(name, "a positive whole number")
        return value

    def seconds(self, name: str) -> float:
        """Give a time in seconds, 0 if it was not given."""
        value = self._given.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self._wrong(name, "a number of seconds")
        return float(value)

    def text(self, name: str) -> str | None:
        """Give a text that is not empty; None if it was not given."""
        value = self._given.get(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise self._wrong(name, "a text")
        return value

    def words(self, name: str) -> list[str] | None:
        """Give a list of words; None if it was not given."""
        value = self._given.get(name)
        if value is not None and (not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value)):
            raise self._wrong(name, "a list of words")
        return None if value is None else list(value)

    def _wrong(self, name: str, wanted: str) -> BackendError:
        return BackendError(
            f"backend {self._backend}: option {name} must be {wanted}, and is {self._given.get(name)!r}"
        )
