"""From the versions of Python that are asked for to the oldest that will do and the first that is too new."""

from __future__ import annotations

from scriptgraph.python_env.interpreters import Version, parse_version

__all__ = ["Version", "version_bounds"]

_OLDEST, _NO_BOUND = "3.10", "3.99"


def version_bounds(exact: str, minimum: str, maximum: str, below: str) -> tuple[Version, Version]:
    """Give the oldest version that will do, and the first that will not.

    Args:
        exact: the only version, as far as it is written: 3.11 stands for all of 3.11.*; "" for none.
        minimum: the oldest; "" for the oldest that we support.
        maximum: the newest that will do, as far as it is written; "" for no bound.
        below: the first that is too new; "" for no bound.

    Raises:
        ScriptGraphError: one of them is no version.
    """
    if exact:
        return parse_version(exact), _after(exact)
    first_too_new = parse_version(below or _NO_BOUND)
    return parse_version(minimum or _OLDEST), min(first_too_new, _after(maximum)) if maximum else first_too_new


def _after(version: str) -> Version:
    parts = parse_version(version)
    return (*parts[:-1], parts[-1] + 1)
