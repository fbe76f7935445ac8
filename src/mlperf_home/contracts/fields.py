"""Checked access to the keys of a JSON object; every message names the key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.failures import ExitStatus, HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable


class Fields:
    """The keys of one JSON object, each taken once; keys that nobody takes are refused at the end."""

    def __init__(self, document: Any, where: str) -> None:
        if not isinstance(document, dict):
            raise self.refusal(where, "must be a JSON object")
        self._left = dict(document)
        self._where = where

    @staticmethod
    def refusal(where: str, problem: str) -> HarnessError:
        """Make the error for a job that cannot be used."""
        return HarnessError(ExitStatus.BAD_JOB, f"{where}: {problem}")

    def wrong(self, key: str, problem: str) -> HarnessError:
        """Make the error for one key."""
        return self.refusal(self._where, f"{key}: {problem}")

    def has(self, key: str) -> bool:
        """Whether a key is there."""
        return key in self._left

    def take(self, key: str) -> Any:
        """Return a key's value; raise HarnessError if the key is missing."""
        if key not in self._left:
            raise self.wrong(key, "is missing")
        return self._left.pop(key)

    def end(self) -> None:
        """Raise HarnessError if keys are left."""
        if self._left:
            raise self.wrong(", ".join(sorted(self._left)), "is not a key that is known here")

    def text(self, key: str) -> str:
        """Take a string that is not empty."""
        return str(self._checked(key, lambda value: isinstance(value, str) and value != "", "a string"))

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        """Take one of the `known` strings."""
        return str(self._checked(key, lambda value: value in known, f"one of {', '.join(known)}"))

    def path(self, key: str) -> Path:
        """Take a path and make it absolute."""
        return Path(self.text(key)).absolute()

    def optional_path(self, key: str) -> Path | None:
        """Take a path or null."""
        if self._left.get(key, ...) is None:
            self.take(key)
            return None
        return self.path(key)

    def boolean(self, key: str) -> bool:
        """Take true or false."""
        return bool(self._checked(key, lambda value: isinstance(value, bool), "true or false"))

    def positive_number(self, key: str) -> float:
        """Take a number above zero."""
        return float(self._checked(key, _is_positive, "a number above 0"))

    def mapping(self, key: str) -> dict[str, Any]:
        """Take a JSON object, as it is."""
        return dict(self._checked(key, lambda value: isinstance(value, dict), "a JSON object"))

    def optional_count(self, key: str) -> int | None:
        """Take a whole number above zero, or null."""
        value = self._checked(key, lambda value: value is None or _is_count(value), "a whole number above 0 or null")
        return None if value is None else int(value)

    def optional_counts(self, key: str) -> tuple[int, ...] | None:
        """Take a list of whole numbers above zero, or null."""
        value = self._checked(key, _are_counts, "a list of whole numbers above 0 or null")
        return None if value is None else tuple(value)

    def _checked(self, key: str, fits: Callable[[Any], bool], form: str) -> Any:
        value = self.take(key)
        if not fits(value):
            raise self.wrong(key, f"must be {form}, got {value!r}")
        return value


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and _is_positive(value)


def _are_counts(value: Any) -> bool:
    return value is None or (isinstance(value, list) and value != [] and all(map(_is_count, value)))
