"""A user's own values for a system's description: one JSON object, the keys those of systems/<sut>.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.submission.system_keys import SystemDescriptionError, check_values

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


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise SystemDescriptionError(path, f'"{key}" is there twice', "leave one of them out")
        found[key] = value
    return found
