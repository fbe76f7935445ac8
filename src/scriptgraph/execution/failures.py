"""Failures of dependencies that may fail, as JSON text in the environment key that the manifest names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import DocumentError, report_line
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.errors import ScriptGraphError
    from scriptgraph.manifest.types import Values

# Enough for a hundred failures with a page of text each.
_LIMITS = Limits(size=8 << 20, depth=8, values=200_000)
_MOST_TEXT = 1 << 16  # characters of one message


class DependencyFailure(Immutable):
    """The failure of a dependency that was allowed to fail.

    Attributes:
        values: the `env` of the dependency in the manifest; it distinguishes similar dependencies.
        step: the alias of the step that failed.
        error: the text of the error, without the steps that led to it.
        way: the aliases from the dependency down to that step.
        log: the log with details, if there is one.
        advice: the advice of the error, if it is separate from the text.
    """

    values: Values
    step: str
    error: str
    way: tuple[str, ...] = ()
    log: Path | None = None
    advice: str | None = None

    @property
    def name(self) -> str:
        """The values of the dependency, for people."""
        return " ".join(map(str, self.values.values()))

    def report(self) -> str:
        """Return the error with its chain of steps and its log on one line."""
        return report_line(self.error, self.way, self.log)


def failures_text(failed: Iterable[tuple[Values, ScriptGraphError]]) -> str:
    """Return failures as JSON text; each has the values of a dependency and its error."""
    text = json.dumps([
        {
            "for": dict(values),
            "step": error.chain[-1] if error.chain else "",
            "error": str(error)[:_MOST_TEXT],
            "way": error.chain,
            "log": None if error.log is None else str(error.log),
            "advice": error.advice,
        }
        for values, error in failed
    ])  # fmt: skip
    # A message must not contain <<<KEY>>>, which stands for the value of another key.
    return text.replace("<", "\\u003c")


def read_failures(text: str, where: str) -> tuple[DependencyFailure, ...]:
    """Read the text of `failures_text`; an empty text has no failures.

    Raises:
        DocumentError: the text is not a list of failures; the error names `where` and the place in the text.
    """
    document = parse_json(text, where, _LIMITS, paths=True) if text else []
    if not isinstance(document, list):
        raise DocumentError(where, "", "is not a list of failures")
    return tuple(_failure(each, where, f"/{number}") for number, each in enumerate(document))


def _failure(entry: Any, where: str, place: str) -> DependencyFailure:
    def member(key: str, *kinds: type) -> Any:
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, kinds):
            raise DocumentError(where, f"{place}/{key}", "is missing or of another type; every failure has this key")
        return value

    none = type(None)
    way = member("way", list)
    if not all(isinstance(each, str) for each in way):
        raise DocumentError(where, f"{place}/way", "is not a list of texts")
    log = member("log", str, none)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in member("for", dict).items()}
    return DependencyFailure(
        values, member("step", str), member("error", str), tuple(way), log and Path(log), member("advice", str, none)
    )
