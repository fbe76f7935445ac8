"""Decode what cmind hands over into a request and the front's own options."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.api import Switches
from scriptgraph.errors import RequestError
from scriptgraph.json_place import decode_value
from scriptgraph.manifest_json import decode_override
from scriptgraph.request import Request
from scriptgraph.tags import parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.manifest import Override

# Keys that cmind adds to what the user typed; the rest are options of the script.
_CMIND_KEYS = frozenset({
    "action", "automation", "artifact", "artifacts", "parsed_automation", "parsed_artifact", "parsed_artifacts",
    "cmd", "out", "tags", "unparsed_cmd", "save_to_json", "common", "ignore_inheritance", "control", "j", "json",
})  # fmt: skip
_OVERRIDE_KEYS = ("adr", "add_deps_recursive", "add_deps", "ad")
_YES = frozenset({True, "yes", "true", "on", "1"})


@dataclass(frozen=True)
class FrontOptions:
    """Where things go and how much is said."""

    home: Path
    switches: Switches
    as_json: bool = False

    @property
    def cache(self) -> Path:
        """The cache's folder."""
        return self.home / "cache"


def default_home() -> Path:
    """Give the folder for cache, records and results: beside cmind's repositories, where CM_REPOS says."""
    repos = os.environ.get("CM_REPOS", "").strip()
    return (Path(repos).expanduser() if repos else Path.home() / "CM") / "mlperf-home"


def read_front(command: Mapping[str, Any]) -> tuple[Request, FrontOptions]:
    """Decode cmind's dictionary.

    Raises:
        RequestError: there are no tags, a stray word, or an option in a wrong form.
    """
    given = {key.replace("-", "_"): value for key, value in command.items() if key not in _CMIND_KEYS}
    words = _query_words(command)
    as_json = bool(command.get("j") or command.get("json") or command.get("out") == "json")
    home = Path(str(given.pop("home", "") or default_home())).expanduser().absolute()
    switches = Switches(
        quiet=given.pop("quiet", False) in _YES,
        command_line=tuple(str(word) for word in command.get("cmd") or ()),
        verbose=(given.pop("v", False) in _YES) | (given.pop("verbose", False) in _YES),
    )
    switches = replace(switches, mirrors=_mirrors(given.pop("mirrors", "") or os.environ.get("CM_MIRRORS", "")))
    env = given.pop("env", {})
    if not isinstance(env, dict):
        raise RequestError("--env needs a key: write --env.KEY=value")
    overrides: dict[str, Override] = {}
    for key in _OVERRIDE_KEYS:
        overrides |= _overrides(key, given.pop(key, {}))
    request = Request(
        query=parse_query(words),
        inputs={key: _decode(f"--{key}", value) for key, value in given.items()},
        env={key: _decode(f"--env.{key}", value) for key, value in env.items()},
        overrides=overrides,
        argv=tuple(str(word) for word in command.get("cmd") or ()),
    )
    return request, FrontOptions(home, switches, as_json)


def _mirrors(path: Any) -> Mapping[str, str]:
    """Read the file that says which beginning of a URL is replaced by which."""
    if not path:
        return {}
    try:
        document = json.loads(Path(str(path)).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"--mirrors={path}: cannot be read ({error})") from None
    if not isinstance(document, dict) or not all(isinstance(each, str) for each in document.values()):
        raise RequestError(f'--mirrors={path}: must hold an object like {{"https://host/": "http://mirror/host/"}}')
    return document


def _query_words(command: Mapping[str, Any]) -> str:
    tags, artifact = command.get("tags"), str(command.get("artifact") or "")
    strays = [str(word) for word in command.get("artifacts") or ()] + [
        str(w) for w in command.get("unparsed_cmd") or ()
    ]
    if strays:
        words = " ".join(strays)
        raise RequestError(f"stray words: {words}; options are written --name=value, without spaces around the =")
    if isinstance(tags, str) and artifact:
        raise RequestError(f"stray word: {artifact!r} beside --tags={tags}; write tags with commas and no spaces")
    if isinstance(tags, list):
        tags = ",".join(str(tag) for tag in tags)
    words = tags if isinstance(tags, str) else artifact
    if not parse_query(words).required:
        raise RequestError('which script? write cm run script --tags=a,b or cm run script "a b"')
    return words


def _overrides(option: str, given: Any) -> Mapping[str, Override]:
    if not isinstance(given, dict) or not all(isinstance(fields, dict) for fields in given.values()):
        raise RequestError(f"--{option} needs a name and a key: write --{option}.NAME.KEY=value")
    return {name: decode_override(fields) for name, fields in given.items()}


def _decode(spelling: str, value: Any) -> Any:
    try:
        return decode_value(value)
    except TypeError:
        raise RequestError(f"{spelling} has parts ({', '.join(value)}); it takes one value") from None
