"""Checked access to the keys of a JSON object; every message names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlperf_home.contracts.failures import ExitStatus, HarnessError


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
        """Say whether a key is there."""
        return key in self._left

    def take(self, key: str) -> Any:
        """Give a key's value.

        Raises:
            HarnessError: the key is missing.
        """
        if key not in self._left:
            raise self.wrong(key, "is missing")
        return self._left.pop(key)

    def end(self) -> None:
        """Refuse the keys that are left.

        Raises:
            HarnessError: there are some.
        """
        if self._left:
            raise self.wrong(", ".join(sorted(self._left)), "is not a key that is known here")

    def text(self, key: str) -> str:
        """Take a string that is not empty."""
        value = self.take(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, f"must be a string, got {value!r}")
        return value

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        """Take one of the `known` strings."""
        value = self.take(key)
        if value not in known:
            raise self.wrong(key, f"must be one of {', '.join(known)}, got {value!r}")
        return str(value)

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
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.wrong(key, f"must be true or false, got {value!r}")
        return value

    def positive_number(self, key: str) -> float:
        """Take a number above zero."""
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise self.wrong(key, f"must be a number above 0, got {value!r}")
        return float(value)

    def mapping(self, key: str) -> dict[str, Any]:
        """Take a JSON object, as it is."""
        value = self.take(key)
        if not isinstance(value, dict):
            raise self.wrong(key, f"must be a JSON object, got {value!r}")
        return value

    def optional_count(self, key: str) -> int | None:
        """Take a whole number above zero, or null."""
        value = self.take(key)
        if value is not None and not _is_count(value):
            raise self.wrong(key, f"must be a whole number above 0 or null, got {value!r}")
        return None if value is None else int(value)

    def optional_counts(self, key: str) -> tuple[int, ...] | None:
        """Take a list of whole numbers above zero, or null."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, list) or not value or not all(_is_count(entry) for entry in value):
            raise self.wrong(key, f"must be a list of whole numbers above 0 or null, got {value!r}")
        return tuple(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
