"""Files about a system: the user's own values, with the keys of systems/<sut>.json, and that file itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.submission.system.keys import SystemDescriptionError, check_values
from scriptgraph.files.atomic import replace_text, replacement

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE = 'write one JSON object such as {"cooling": "liquid"}'


def read_overrides(path: Path) -> dict[str, str]:
    """Read the values that stand in place of what was found.

    Raises:
        SystemDescriptionError: the file cannot be read, is no JSON object, names a key twice or an unknown one, or
            holds a value that may not stand under its key.
    """
    try:
        # Editors of other systems begin a file with a mark of its encoding.
        document = json.loads(
            path.read_text(encoding="utf-8-sig"), object_pairs_hook=lambda pairs: _unique(path, pairs)
        )
    except OSError as error:
        raise SystemDescriptionError(path, f"cannot be read ({error.strerror})", "give a file that can be") from error
    except UnicodeDecodeError as error:
        raise SystemDescriptionError(path, "is not UTF-8", "save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise SystemDescriptionError(f"{path}:{error.lineno}", f"is not JSON ({error.msg})", _ADVICE) from error
    except (RecursionError, ValueError) as error:
        raise SystemDescriptionError(path, "is not JSON that can be read", _ADVICE) from error
    if not isinstance(document, dict):
        raise SystemDescriptionError(path, "is no JSON object", _ADVICE)
    return check_values(document, path)


def place_description(path: Path, text: str, previous: Path) -> Path | None:
    """Write a description, whole or not at all, and never lose another that may have been corrected by hand.

    Args:
        path: of systems/<sut>.json; its folder is made if absent.
        text: what it is to hold.
        previous: gets what another file at `path` held.

    Returns:
        `previous` where it was written.

    Raises:
        SystemDescriptionError: one of the two cannot be read or written.
    """
    kept = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and (before := path.read_bytes()) != text.encode():
            with replacement(previous) as file:
                file.write(before)
            kept = previous
        replace_text(path, text)
    except OSError as error:
        raise SystemDescriptionError(path, f"cannot be written ({error.strerror})", "give another folder") from error
    return kept


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise SystemDescriptionError(path, f'"{key}" is there twice', "leave one of them out")
        found[key] = value
    return found
