"""Commands as cmind hands them over: dictionaries with the user's options among cmind's own keys.

cmind puts the content of a file named by `@` over what stands before it, so the file's `env` replaces one that was
typed. Here an option with parts (`env`, `adr`, ...) is put together key by key, and the later word wins.
"""

from __future__ import annotations

import os
import shlex
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXTRA = "CM_SCRIPT_EXTRA_CMD"
# Keys that cmind adds to the user's options or reads itself; `out`, `j` and `json` are read below.
_OF_CMIND = frozenset({
    "action", "automation", "artifact", "artifacts", "parsed_automation", "parsed_artifact", "parsed_artifacts",
    "cmd", "unparsed_cmd", "save_to_json", "common", "ignore_inheritance", "control", "skip_delayed_help",
    "out", "j", "json", "h", "help",
})  # fmt: skip
# Options of one command: an environment variable for all commands cannot hold them.
_OF_ONE_COMMAND = frozenset({"out", "tags", "common", "ignore_inheritance", "control", "save_to_json", "artifact"})


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user's options by their names with underscores. Raise RequestError for one in both spellings."""
    found: dict[str, Any] = {}
    for key in (key for key in given if key not in _OF_CMIND):
        name = key.replace("-", "_")
        if name in found:
            raise RequestError(f"--{name} is given twice, with dashes and with underscores; keep one")
        found[name] = given[key]
    return found


def strays_of(given: Mapping[str, Any], *, rest: bool) -> list[str]:
    """Return the words after the first; those after `--` too, unless they are the command's `rest`."""
    places = ("artifacts",) if rest else ("artifacts", "unparsed_cmd")
    return [str(word) for place in places for word in given.get(place) or ()]


def prints_itself(given: Mapping[str, Any]) -> bool:
    """Return whether cmind prints the answer as JSON: `--out=json`, or cmx with `-j`."""
    typed = given.get("control")
    return given.get("out") == "json" or (isinstance(typed, dict) and bool(typed.get("j") or typed.get("json")))


def asks_for_json(given: Mapping[str, Any]) -> bool:
    """Return whether `-j` or `--json` was typed, after which cm leaves the printing to us."""
    return bool(given.get("j") or given.get("json")) and not prints_itself(given)


def wants_json(given: Mapping[str, Any]) -> bool:
    """Return whether the answer goes to standard output as JSON, so that nothing else may."""
    return prints_itself(given) or asks_for_json(given)


def on_console(given: Mapping[str, Any]) -> bool:
    """Return whether a person reads the answer: another program wants the structure alone."""
    return given.get("out") in {"con", "console"} and not wants_json(given)


def check_output(given: Mapping[str, Any]) -> None:
    """Raise RequestError for an output that is not served; without one, another program reads the answer."""
    if given.get("out") not in {None, "", "con", "console", "json"}:
        raise RequestError(f"--out={given['out']}: must be one of console, json")


def wants_help(given: Mapping[str, Any]) -> bool:
    """Return whether `--help`, `-h` or the word `help` was typed; cmx has flags with one dash apart."""
    control = given.get("control")
    flags = (given, control if isinstance(control, dict) else {})
    alone = given.get("artifact") == "help" and not given.get("artifacts") and not options_of(given)
    return alone or any(each.get(name) for each in flags for name in ("h", "help"))


def with_extra(given: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Put the options of CM_SCRIPT_EXTRA_CMD below those that were typed.

    Return the whole, and the names of the dependencies that only the variable steers.
    Raise RequestError if it holds something that is no option of a script.
    """
    extra = os.environ.get(EXTRA, "")
    blocks = [_parsed(_extra_words(extra)).get(name) for name in ("adr", "add_deps_recursive", "add_deps", "ad")]
    steered = frozenset(name for block in blocks if isinstance(block, dict) for name in block)
    return whole_command(given, extra), steered


def whole_command(given: Mapping[str, Any], extra: str = "") -> dict[str, Any]:
    """Put together what cmind hands over, the files that were named, and `extra`; what was typed wins over `extra`.

    Raise RequestError if `extra` holds something that is no option of a script.
    """
    words = takewhile(lambda word: word != "--", given.get("cmd") or ())
    typed, before = [str(word) for word in words if str(word).startswith(("-", "@"))], _extra_words(extra)
    if not before and not any(word.startswith("@") for word in typed):
        return dict(given)
    added = _parsed(before)
    for name in sorted(_OF_ONE_COMMAND & added.keys()):
        raise RequestError(f"{EXTRA}: --{name} belongs to one command; type it there")
    parted = {key: value for key, value in _parsed([*before, *typed]).items() if isinstance(value, dict)}
    there = {key.replace("-", "_") for key in given}
    plain = {key: value for key, value in added.items() if key.replace("-", "_") not in there}
    return {**plain, **given, **{key: value for key, value in parted.items() if key != "control"}}


def _extra_words(extra: str) -> list[str]:
    try:
        words = shlex.split(extra)
    except ValueError as error:
        raise RequestError(f"{EXTRA}={extra!r}: cannot be split into words ({error})") from None
    for word in words:
        if not word.startswith(("-", "@")) or word == "--":
            raise RequestError(f"{EXTRA}: {word!r} is no option; it takes --name=value")
    return words


def _parsed(words: Sequence[str]) -> dict[str, Any]:
    """Read options as cmind does, one at a time, and put together those with parts."""
    found: dict[str, Any] = {}
    if words:
        from cmind.cli import parse  # noqa: PLC0415 - most commands name no file and have no extra options
    for word in words:
        answer = parse([word])
        if answer["return"]:
            raise RequestError(f"{word}: {answer['error']}")
        found = _merged(found, {key: value for key, value in answer["cm_input"].items() if key != "cmd"})
    return found


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both
