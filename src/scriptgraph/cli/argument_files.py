"""What was typed in full: files named by `@`, and the options that CM_SCRIPT_EXTRA_CMD puts before every command.

cmind puts a file's content over what stands before it, so the file's `env` replaces one that was typed.
Here what has parts (`env`, `adr`, ...) is put together key by key, and the later word wins.
"""

from __future__ import annotations

import shlex
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXTRA = "CM_SCRIPT_EXTRA_CMD"
# What cmind itself reads of a command, before it comes to us.
_OF_CMIND = frozenset({"out", "tags", "common", "ignore_inheritance", "control", "save_to_json", "artifact"})


def whole_command(command: Mapping[str, Any], extra: str = "") -> dict[str, Any]:
    """Put together what cmind hands over, the files that were named, and `extra`; what was typed wins over `extra`.

    Raises:
        RequestError: `extra` holds something that is no option of a script.
    """
    words = takewhile(lambda word: word != "--", command.get("cmd") or ())
    typed, before = [str(word) for word in words if str(word).startswith(("-", "@"))], _extra_words(extra)
    if not before and not any(word.startswith("@") for word in typed):
        return dict(command)
    given = _parsed(before)
    for name in sorted(_OF_CMIND & given.keys()):
        raise RequestError(f"{EXTRA}: --{name} belongs to one command; type it there")
    parted = {key: value for key, value in _parsed([*before, *typed]).items() if isinstance(value, dict)}
    there = {key.replace("-", "_") for key in command}
    plain = {key: value for key, value in given.items() if key.replace("-", "_") not in there}
    return {**plain, **command, **{key: value for key, value in parted.items() if key != "control"}}


def names_of_all_commands(extra: str) -> frozenset[str]:
    """Return the names that `extra` steers by `--adr`: not every command has a dependency of each.

    Raises:
        RequestError: `extra` is not a row of options.
    """
    given = _parsed(_extra_words(extra))
    blocks = (given.get(key) for key in ("adr", "add_deps_recursive", "add_deps", "ad"))
    return frozenset(name for block in blocks if isinstance(block, dict) for name in block)


def _extra_words(extra: str) -> list[str]:
    if not extra.strip():
        return []
    try:
        words = shlex.split(extra)
    except ValueError as error:
        raise RequestError(f"{EXTRA}={extra!r}: cannot be split into words ({error})") from None
    for word in words:
        if not word.startswith(("-", "@")) or word == "--":
            raise RequestError(f"{EXTRA}: {word!r} is no option; it takes --name=value")
    return words


def _parsed(words: Iterable[str]) -> dict[str, Any]:
    """Read options as cmind does, one at a time, and put what has parts together."""
    from cmind.cli import parse  # noqa: PLC0415 - most commands name no file and have no extra options

    found: dict[str, Any] = {}
    for word in words:
        told = parse([word])
        if told["return"]:
            raise RequestError(f"{word}: {told['error']}")
        found = _merged(found, {key: value for key, value in told["cm_input"].items() if key != "cmd"})
    return found


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both
