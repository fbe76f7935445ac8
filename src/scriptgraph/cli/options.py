"""Decode what cmind hands over into a request and the front's own options."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.argument_files import EXTRA, names_of_all_commands, whole_command
from scriptgraph.errors import RequestError
from scriptgraph.execution.context import Switches
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.decoding import decode_override
from scriptgraph.manifest.located_json import decode_value
from scriptgraph.manifest.tags import parse_query
from scriptgraph.manifest.types import Override
from scriptgraph.planning.conditions import same
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.execution.runtime import Anew
    from scriptgraph.manifest.tags import Query
    from scriptgraph.product import Product

# Keys that cmind adds to what the user typed; the rest are options of the script.
_CMIND_KEYS = frozenset({
    "action", "automation", "artifact", "artifacts", "parsed_automation", "parsed_artifact", "parsed_artifacts",
    "cmd", "out", "tags", "unparsed_cmd", "save_to_json", "common", "ignore_inheritance", "control", "j", "json",
})  # fmt: skip
_OVERRIDE_KEYS = ("adr", "add_deps_recursive", "add_deps", "ad")


class FrontOptions(Immutable):
    """Where things go, how much is said, and whether a plan is run, shown or only provided for.

    Attributes:
        plan: show the plan and stop.
        prefetch: make what is kept in the cache and stop.
        explain: show where the value of this key comes from and stop.
    """

    home: Path
    cache: Path  # in `home`, unless the user has it elsewhere
    switches: Switches
    as_json: bool = False
    anew: Anew = "none"
    plan: bool = False
    prefetch: bool = False
    explain: str = ""


class Listing(Immutable):
    """What is to be found, shown or removed.

    Attributes:
        cache: the cache's folder.
        on: the switches that are on, by their names.
    """

    query: Query
    cache: Path
    on: frozenset[str]
    as_json: bool


def read_front(command: Mapping[str, Any], product: Product, query: str = "") -> tuple[Request, FrontOptions]:
    """Decode cmind's dictionary; `query` stands for the tags where they are known already.

    Raises:
        RequestError: there are no tags, a stray word, or an option in a wrong form.
    """
    extra = os.environ.get(EXTRA, "")
    command = whole_command(command, extra)
    given = _options(command)
    asked_for = parse_query(_words(command, query))
    if not asked_for.required:
        raise RequestError('which script? write cm run script --tags=a,b or cm run script "a b"')
    typed = tuple(str(word) for word in command.get("cmd") or ())
    home, cache = _places(given, product)
    renew, new = _switch(given, "renew"), _switch(given, "new")
    switches = Switches(
        quiet=_switch(given, "quiet"),
        verbose=_switch(given, "v") | _switch(given, "verbose"),
        offline=_switch(given, "offline"),
        mirrors=_mirrors(_text(given, "mirrors") or os.environ.get("CM_MIRRORS", "")),
        command_line=typed,
    )
    options = FrontOptions(
        home,
        cache,
        switches,
        wants_json(command),
        anew="all" if new else "requested" if renew else "none",
        plan=_switch(given, "plan"),
        prefetch=_switch(given, "prefetch"),
        explain=_text(given, "explain", "name"),
    )
    env = given.pop("env", {})
    if not isinstance(env, dict):
        raise RequestError("--env needs a key: write --env.KEY=value")
    overrides: dict[str, Override] = {}
    for key in _OVERRIDE_KEYS:
        for name, override in _overrides(key, given.pop(key, {})).items():
            overrides[name] = override.over(overrides.get(name, Override()))
    request = Request(
        query=asked_for,
        inputs={key: _decode(f"--{key}", value) for key, value in given.items()},
        env={key: _decode(f"--env.{key}", value) for key, value in env.items()},
        overrides=overrides,
        argv=typed,
        maybe=names_of_all_commands(extra) if extra else frozenset(),
    )
    return request, options


def read_listing(command: Mapping[str, Any], switches: Sequence[str] = (), of: Product | None = None) -> Listing:
    """Decode a command that finds, shows or removes.

    Args:
        command: cmind's dictionary.
        switches: the options that it knows.
        of: the product whose cache it is about; None for a command about scripts, which has no cache.

    Raises:
        RequestError: a stray word, or an option that the command does not have.
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
    control = command.get("control")
    typed = control if isinstance(control, dict) else {}
    return command.get("out") == "json" or bool(typed.get("j") or typed.get("json"))


def is_quiet(command: Mapping[str, Any]) -> bool:
    """Return whether little is to be shown; a wrong value of the option is refused where options are read."""
    return same(command.get("quiet", False), True)


def _options(command: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options by their names with underscores."""
    given: dict[str, Any] = {}
    for key, value in command.items():
        name = key.replace("-", "_")
        if key in _CMIND_KEYS:
            continue
        if name in given:
            raise RequestError(f"--{name} is given twice, with dashes and with underscores; keep one")
        given[name] = value
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
    """Return a path as it was typed, absolute.

    Raises:
        RequestError: it begins with the name of no user.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise RequestError(f"{path}: there is no such user") from None


def _mirrors(path: str) -> Mapping[str, str]:
    """Read the file that says which beginning of a URL is replaced by which."""
    if not path:
        return {}
    try:
        document = json.loads(absolute(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"--mirrors={path}: cannot be read ({error})") from None
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


def _overrides(option: str, given: Any) -> Mapping[str, Override]:
    if not isinstance(given, dict) or not all(isinstance(fields, dict) for fields in given.values()):
        raise RequestError(f"--{option} needs a name and a key: write --{option}.NAME.KEY=value")
    found = {}
    for name, fields in given.items():
        for key, value in fields.items():
            _decode(f"--{option}.{name}.{key}", value)
        found[name] = decode_override(fields)
    return found


def _decode(spelling: str, value: Any) -> Any:
    try:
        return decode_value(value)
    except TypeError:
        parts = ", ".join(map(str, value))
        raise RequestError(f"{spelling} has parts ({parts}); it takes one value") from None
