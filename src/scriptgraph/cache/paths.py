"""Write paths into the cache as marks, so that an entry stays right when it, or the whole cache, moves.

`{entry}` stands for the entry's folder and `{cache}` for the cache's; a `{` of the text itself is doubled.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scriptgraph.manifest.types import Value

_MARK = re.compile(r"\{\{|\{(entry|cache)\}")


def marked(value: Value, places: Mapping[str, Path]) -> Value:
    """Put marks in the place of folders, the first of `places` first, however these are reached."""
    if isinstance(value, tuple):
        return tuple(str(marked(each, places)) for each in value)
    if not isinstance(value, str):
        return value
    text = value.replace("{", "{{")
    if "/" not in text:
        return text
    for name, folder in places.items():
        for spelling in dict.fromkeys([str(folder), str(folder.resolve())]):
            # Whole paths only: /a/cache is not in /a/cache.old, nor in /b/a/cache.
            whole = rf"(?<![\w./-]){re.escape(spelling.replace('{', '{{'))}(?![\w.-])"
            text = re.sub(whole, f"{{{name}}}", text)
    return text


def unmarked(value: Value, places: Mapping[str, Path]) -> Value:
    """Put folders in the place of marks."""
    if isinstance(value, tuple):
        return tuple(str(unmarked(each, places)) for each in value)
    if not isinstance(value, str):
        return value
    return _MARK.sub(lambda found: str(places[found[1]]) if found[1] else "{", value)
