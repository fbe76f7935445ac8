"""The failures of a foreign script's code."""

from __future__ import annotations

from typing import Any


class Failed(Exception):  # noqa: N818 - it is an outcome of 2023's engine
    """The script has failed; `code` is the number that it returned."""

    def __init__(self, problem: str, code: int = 1) -> None:
        super().__init__(problem)
        self.code = code


def checked(result: Any, where: str) -> dict[str, Any]:
    """Return a function's result, or raise what it reports."""
    if not isinstance(result, dict):
        raise Failed(f"{where} returned {type(result).__name__} instead of a dictionary")
    if result.get("return", 0) > 0:
        raise Failed(str(result.get("error") or f"{where} failed"), int(result["return"]))
    return result
