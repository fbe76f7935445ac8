"""Decode what cmind hands over into a request and the command's own options.

cmind puts the content of a file named by `@` over what stands before it, so the file's `env` replaces one that was
typed. Here what has parts (`env`, `adr`, ...) is put together key by key, and the later word wins.
"""

from __future__ import annotations

import os
import shlex
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import DocumentError, RequestError
from scriptgraph.execution.context import Switches
from scriptgraph.files.json_reader import read_json
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.decoding import decode_override
from scriptgraph.manifest.located_json import decode_value
from scriptgraph.manifest.queries import parse_query
from scriptgraph.manifest.types import Override
from scriptgraph.planning.conditions import same
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.plan import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.execution.runtime import Anew
    from scriptgraph.manifest.queries import Query
    from scriptgraph.product import Product

EXTRA = "CM_SCRIPT_EXTRA_CMD"
# Keys that cmind adds to what the user typed; the rest are options of the script.
_CMIND_KEYS = frozenset({
    "action", "automation", "artifact", "artifacts", "parsed_automation", "parsed_artifact", "parsed_artifacts",
    "cmd", "out", "tags", "unparsed_cmd", "save_to_json", "common", "ignore_inheritance", "control", "j", "json",
})  # fmt: skip
# What cmind itself reads of a command, before it comes to us.
_OF_CMIND = frozenset({"out", "tags", "common", "ignore_inheritance", "control", "save_to_json", "artifact"})
_OVERRIDE_KEYS = ("adr", "add_deps_recursive", "add_deps", "ad")


class FrontOptions(Immutable):
    """Where things go, how much is said, and whether a plan is run, shown or only provided for."""

    home: Path
    cache: Path  # in `home`, unless the user has it elsewhere
    switches: Switches
    anew: Anew = "none"
    plan: bool = False  # show the plan and stop
    prefetch: bool = False  # make what is kept in the cache and stop
    explain: str = ""  # a key: show where its value comes from and stop


class Listing(Immutable):
    """What is to be found, shown or removed; `on` are the switches that are on, by their names."""

    query: Query
    cache: Path
    on: frozenset[str]
    as_json: bool


def read_front(command: Mapping[str, Any], product: Product, query: str = "") -> tuple[Request, FrontOptions]:
    """Decode cmind's dictionary; `query` stands for the tags where they are known already.

    Raise RequestError if there are no tags, a stray word, or an option in a wrong form.
    """
    extra = os.environ.get(EXTRA, "")
    command = whole_command(command, extra)
    given = _options(command)
    asked_for = parse_query(_words(command, query))
    if not asked_for.required:
        raise RequestError('which script? write cm run script --tags=a,b or cm run script "a b"')
    typed = tuple(str(word) for word in command.get("cmd") or ())
    renew, new = _switch(given, "renew"), _switch(given, "new")
    switches = Switches(
        quiet=_switch(given, "quiet"),
        verbose=_switch(given, "v") | _switch(given, "verbose"),
        offline=_switch(given, "offline"),
        mirrors=_mirrors(_text(given, "mirrors") or os.environ.get("CM_MIRRORS", "")),
        command_line=typed,
    )
    options = FrontOptions(
        *_places(given, product),
        switches,
        anew="all" if new else "requested" if renew else "none",
        plan=_switch(given, "plan"),
        prefetch=_switch(given, "prefetch"),
        explain=_text(given, "explain", "name"),
    )
    env = given.pop("env", {})
    if not isinstance(env, dict):
        raise RequestError("--env needs a key: write --env.KEY=value")
    overrides = _overrides(given)
    # Not every command has a dependency of each name that `extra` steers.
    blocks = map(_parsed(_extra_words(extra)).get, _OVERRIDE_KEYS)
    request = Request(
        query=asked_for,
        inputs={key: _decode(f"--{key}", value) for key, value in given.items()},
        env={key: _decode(f"--env.{key}", value) for key, value in env.items()},
        overrides=overrides,
        argv=typed,
        maybe=frozenset(name for block in blocks if isinstance(block, dict) for name in block),
    )
    return request, options


def whole_command(command: Mapping[str, Any], extra: str = "") -> dict[str, Any]:
    """Put together what cmind hands over, the files that were named, and `extra`; what was typed wins over `extra`.

    Raise RequestError if `extra` holds something that is no option of a script.
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
    """Read options as cmind does, one at a time, and put what has parts together."""
    found: dict[str, Any] = {}
    if words:
        from cmind.cli import parse  # noqa: PLC0415 - most commands name no file and have no extra options
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


def read_listing(command: Mapping[str, Any], switches: Sequence[str] = (), of: Product | None = None) -> Listing:
    """Decode a command that finds, shows or removes, in the cache of a product, or scripts where there is none.

    Raise RequestError for a stray word, or an option that is none of its `switches`.
    """
    given = _options(command)
    # Without a console, another program asks: it wants the structure, and nothing printed.
    as_json = bool(command.get("j") or command.get("json") or command.get("out") != "con")
    cache = Path() if of is None else _places(given, of)[1]
    on = frozenset(name for name in switches if _switch(given, name))
    if given:
        known = [*switches, "tags", *(("home", "cache_dir") if of else ())]
        words = ", ".join(f"--{name}" for name in given)
        raise RequestError(f"{words}: not known here; options: {', '.join(f'--{name}' for name in sorted(known))}")
    return Listing(parse_query(_words(command)), cache, on, as_json)


def _places(given: dict[str, Any], product: Product) -> tuple[Path, Path]:
    """Return the folder of all that we keep, and the cache's, which may lie elsewhere."""
    home = absolute(_text(given, "home") or product.home)
    cache = _text(given, "cache_dir") or os.environ.get(product.cache_variable, "").strip()
    return home, absolute(cache) if cache else home / "cache"


def wants_json(command: Mapping[str, Any]) -> bool:
    """Return whether the answer goes to standard output as JSON, so that nothing else may."""
    return prints_itself(command) or asks_for_json(command)


def asks_for_json(command: Mapping[str, Any]) -> bool:
    """Return whether `-j` or `--json` was typed, after which cm leaves the printing to us."""
    return bool(command.get("j") or command.get("json")) and not prints_itself(command)


def prints_itself(command: Mapping[str, Any]) -> bool:
    """Return whether cmind prints the answer as JSON: `--out=json`, or cmx with `-j`."""
    typed = command.get("control")
    return command.get("out") == "json" or (isinstance(typed, dict) and bool(typed.get("j") or typed.get("json")))


def _options(command: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options by their names with underscores."""
    given: dict[str, Any] = {}
    for key in (key for key in command if key not in _CMIND_KEYS):
        name = key.replace("-", "_")
        if name in given:
            raise RequestError(f"--{name} is given twice, with dashes and with underscores; keep one")
        given[name] = command[key]
    return given


def _switch(given: dict[str, Any], name: str) -> bool:
    value = _decode(f"--{name}", given.pop(name, False))
    for answer in (True, False):
        if same(value, answer):
            return answer
    raise RequestError(f"--{name}={as_text(value)}: must be yes or no")


def _text(given: dict[str, Any], name: str, kind: str = "path") -> str:
    value = given.pop(name, "")
    if not isinstance(value, str | Path if kind == "path" else str):
        raise RequestError(f"--{name} needs a {kind}: write --{name}={kind.upper()}")
    return str(value)


def absolute(path: str | Path) -> Path:
    """Return a path as it was typed, absolute. Raise RequestError if it begins with the name of no user."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise RequestError(f"{path}: there is no such user") from None


def _mirrors(path: str) -> Mapping[str, str]:
    """Read the file that says which beginning of a URL is replaced by which."""
    if not path:
        return {}
    try:
        document = read_json(absolute(path))
    except DocumentError as error:
        raise RequestError(f"--mirrors={path}: {error.problem}") from None
    if not isinstance(document, dict) or not all(isinstance(each, str) for each in document.values()):
        raise RequestError(f'--mirrors={path}: must hold an object like {{"https://host/": "http://mirror/host/"}}')
    return document


def _words(command: Mapping[str, Any], known: str = "") -> str:
    tags, artifact = command.get("tags"), str(command.get("artifact") or "")
    strays = [str(word) for name in ("artifacts", "unparsed_cmd") for word in command.get(name) or ()]
    if strays:
        # Beside tags, the first word is no query either.
        words = " ".join([artifact, *strays] if artifact and isinstance(tags, str) else strays)
        raise RequestError(f"stray words: {words}; options are written --name=value, without spaces around the =")
    if known:
        if tags or artifact:
            raise RequestError(f"{tags or artifact}: the tags are those of the record; leave them out")
        return known
    if isinstance(tags, str) and artifact:
        raise RequestError(f"stray word: {artifact!r} beside --tags={tags}; write tags with commas and no spaces")
    if isinstance(tags, list):
        tags = ",".join(str(tag) for tag in tags)
    return tags if isinstance(tags, str) else artifact


def _overrides(given: dict[str, Any]) -> dict[str, Override]:
    found: dict[str, Override] = {}
    for option in _OVERRIDE_KEYS:
        blocks = given.pop(option, {})
        if not isinstance(blocks, dict) or not all(isinstance(fields, dict) for fields in blocks.values()):
            raise RequestError(f"--{option} needs a name and a key: write --{option}.NAME.KEY=value")
        for name, fields in blocks.items():
            for key, value in fields.items():
                _decode(f"--{option}.{name}.{key}", value)
            found[name] = decode_override(fields).over(found.get(name, Override()))
    return found


def _decode(spelling: str, value: Any) -> Any:
    try:
        return decode_value(value)
    except TypeError:
        parts = ", ".join(map(str, value))
        raise RequestError(f"{spelling} has parts ({parts}); it takes one value") from None
