"""Read cmind's dictionaries: the user's options among cmind's own keys.

cmind lets a file named by `@` replace whole options before it, so the file's `env` replaces a typed one. Here, options
with parts (`env`, `adr`, ...) are merged key by key, and the later word wins.
"""

from __future__ import annotations

import os
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.words import parse_words
from scriptgraph.errors import RequestError
from scriptgraph.manifest.types import NOTHING
from scriptgraph.planning.conditions import same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXTRA = "CM_SCRIPT_EXTRA_CMD"
# Keys that cmind adds to the user's options or reads itself; the functions below read `out`, `j` and `json`.
_OF_CMIND = frozenset({
    "action", "automation", "artifact", "artifacts", "parsed_automation", "parsed_artifact", "parsed_artifacts",
    "cmd", "unparsed_cmd", "save_to_json", "common", "ignore_inheritance", "control", "skip_delayed_help",
    "out", "j", "json", "h", "help",
})  # fmt: skip
# Options of one command: an environment variable for all commands cannot hold them.
_OF_ONE_COMMAND = frozenset({
    "out", "j", "json", "h", "help", "tags", "common", "ignore_inheritance", "control", "save_to_json", "artifact",
})  # fmt: skip


def options_of(cmind_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user's options by their names with underscores.

    Raises:
        RequestError: an option is set in both spellings.
    """
    found: dict[str, Any] = {}
    for key in (key for key in cmind_input if key not in _OF_CMIND):
        name = key.replace("-", "_")
        if name in found:
            raise RequestError(f"--{name}: is set twice, with dashes and with underscores; keep one")
        found[name] = cmind_input[key]
    return found


def strays_of(cmind_input: Mapping[str, Any], *, rest: bool) -> list[str]:
    """Return the words after the first, and those after `--` unless they are the command's `rest`.

    A command does not begin with a dash: an option there was meant for the command before it.
    """
    last = cmind_input.get("unparsed_cmd") or ("",)
    places = ("artifacts",) if rest and not str(last[0]).startswith("-") else ("artifacts", "unparsed_cmd")
    return [str(word) for place in places for word in cmind_input.get(place) or ()]


def prints_itself(cmind_input: Mapping[str, Any]) -> bool:
    """Whether cmind prints the answer as JSON: `--out=json`, or cmx with `-j`."""
    control = cmind_input.get("control")
    return cmind_input.get("out") == "json" or (
        isinstance(control, dict) and bool(control.get("j") or control.get("json"))
    )


def asks_for_json(cmind_input: Mapping[str, Any]) -> bool:
    """Whether `-j` or `--json` was typed; cm then leaves the printing to the command."""
    return (_is_on(cmind_input, "j") or _is_on(cmind_input, "json")) and not prints_itself(cmind_input)


def wants_json(cmind_input: Mapping[str, Any]) -> bool:
    """Whether standard output is reserved for the answer as JSON."""
    return prints_itself(cmind_input) or asks_for_json(cmind_input)


def on_console(cmind_input: Mapping[str, Any]) -> bool:
    """Whether a person reads the answer; another program needs only the structure."""
    return cmind_input.get("out") in {"con", "console"} and not wants_json(cmind_input)


def check_output(cmind_input: Mapping[str, Any]) -> None:
    """Raise RequestError for an unsupported output format, or a switch that is neither on nor off."""
    for name in ("j", "json", "h", "help"):
        value = cmind_input.get(name)
        if value is not None and not (isinstance(value, (str, int)) and (same(value, True) or same(value, False))):
            raise RequestError(f"--{name}={value}: must be yes or no")
    if cmind_input.get("out") not in {None, "", "con", "console", "json"}:
        raise RequestError(f"--out={cmind_input['out']}: must be one of console, json")


def wants_help(cmind_input: Mapping[str, Any]) -> bool:
    """Whether `--help`, `-h` or the word `help` was typed; cmx keeps flags with one dash in `control`."""
    control = cmind_input.get("control")
    flags = (cmind_input, control if isinstance(control, dict) else {})
    alone = cmind_input.get("artifact") == "help" and not cmind_input.get("artifacts") and not options_of(cmind_input)
    return alone or any(_is_on(each, name) for each in flags for name in ("h", "help"))


def _is_on(flags: Mapping[str, Any], name: str) -> bool:
    value = flags.get(name, False)
    return isinstance(value, (str, int)) and same(value, True)


def with_extra(cmind_input: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Merge the options of CM_SCRIPT_EXTRA_CMD with the typed ones, which override them.

    Returns:
        The merged dictionary, and the names of the dependencies that the variable steers.

    Raises:
        RequestError: the variable holds a word that is not an option of a script.
    """
    added = _parsed(extra_words())
    for name in sorted(_OF_ONE_COMMAND & added.keys()):
        raise RequestError(f"{EXTRA}: {'-' if len(name) == 1 else '--'}{name} belongs to one command; type it there")
    blocks = [added.get(name) for name in ("adr", "add_deps_recursive", "add_deps", "ad")]
    steered = frozenset(name for block in blocks if isinstance(block, dict) for name in block)
    return whole_command(cmind_input, added), steered


def whole_command(cmind_input: Mapping[str, Any], added: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """Merge cmind's dictionary, the files named by `@`, and the options `added`, which typed ones override.

    Raises:
        RequestError: a file cannot be read.
    """
    words = takewhile(lambda word: word != "--", cmind_input.get("cmd") or ())
    typed = [str(word) for word in words if str(word).startswith(("-", "@"))]
    if not added and not any(word.startswith("@") for word in typed):
        return dict(cmind_input)
    parted = {key: value for key, value in _parsed(typed, added).items() if isinstance(value, dict)}
    there = {key.replace("-", "_") for key in cmind_input}
    plain = {key: value for key, value in added.items() if key.replace("-", "_") not in there}
    return {**plain, **cmind_input, **{key: value for key, value in parted.items() if key != "control"}}


def extra_words() -> list[str]:
    """Return the words of CM_SCRIPT_EXTRA_CMD.

    Raises:
        RequestError: the variable cannot be split, or holds a word that is not an option.
    """
    extra = os.environ.get(EXTRA, "")
    if not extra.strip():
        return []
    import shlex  # noqa: PLC0415 - most commands have no such variable

    try:
        words = shlex.split(extra)
    except ValueError as error:
        raise RequestError(f"{EXTRA}={extra!r}: cannot be split into words ({error}); check its quotes") from None
    for word in words:
        if not word.startswith(("-", "@")) or word == "--":
            raise RequestError(f"{EXTRA}: {word!r} is not an option; write --name=value")
    return words


def _parsed(words: Sequence[str], under: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """Parse options one at a time, and merge those with parts, over the options `under`."""
    found = dict(under)
    for word in words:
        found = _merged(found, {key: value for key, value in parse_words([word]).items() if key != "cmd"})
    return found


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both
