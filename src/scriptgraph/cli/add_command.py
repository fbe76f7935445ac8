"""`cm add script NAME`: a new script that runs, and that the audit accepts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import RequestError, StepFailed
from scriptgraph.files.atomic import replace_text
from scriptgraph.manifest.limits import is_plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.console import RunConsole

_CODE = '''\
"""Write a text in capitals."""

from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Export the text."""
    return Done(exports={{"{key}_RESULT": context.text("{key}_TEXT").upper()}})
'''


def add_script(
    arguments: Arguments, registry: Registry, add: Callable[[Mapping[str, Any]], dict[str, Any]], console: RunConsole
) -> dict[str, Any]:
    """Add a script by cmind's action `add`, which writes its manifest, and write its code.

    Raises:
        RequestError: the name is missing, no name of a script, or taken.
        StepFailed: the folder cannot be written.
    """
    name = _new_name(arguments, registry)
    key = f"CM_{re.sub('[^A-Z0-9]', '_', name.upper())}"
    try:
        added = add({"meta": _manifest(name, key)})
        if added["return"]:
            return {"error": added["error"]}
        folder = Path(added["path"])
        replace_text(folder / "customize.py", _CODE.format(key=key))
    except OSError as error:
        raise StepFailed(f"{error.filename}: {error.strerror}; see to it and run again") from error
    repository = folder.parents[1]
    console.text(
        [
            f"{folder}: _cm.json and customize.py, which you change",
            f"to run it:    cm run script --tags={name} --text=hello",
            f"to check it:  cm run script --tags=audit,repo --repo={repository}",
        ]
    )
    return {"path": str(folder), "meta": added["meta"]}


def _new_name(arguments: Arguments, registry: Registry) -> str:
    """Return the new script's name, without the repository before a colon."""
    name = arguments.word.rpartition(":")[2]
    if not name:
        raise RequestError(arguments.command.question)
    if not is_plain_name(name) or re.search(r"[\s,*#]", name) or name.startswith(("_", "-")):
        problem = "is no name of a script; use letters, digits, dots and dashes, as in count-words"
        raise RequestError(f"{arguments.word!r}: {problem}")
    for each in registry:
        if each.alias == name:
            raise RequestError(f"{name}: is already the alias of {each.folder}; use another name")
    return name


def _manifest(name: str, key: str) -> dict[str, Any]:
    """Return a manifest with an option and an export; cmind adds the UID and the tags of the command."""
    text = {"env": f"{key}_TEXT", "desc": "the text", "type": "text", "longest": 1000, "default": "hello"}
    return {
        "alias": name,
        "name": "Write a text in capitals",
        "tags": [name],
        "inputs": {"text": text},
        "new_env_keys": [f"{key}_RESULT"],
    }
