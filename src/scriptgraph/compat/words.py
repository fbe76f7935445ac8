"""The environment keys that the files of a script's folder name: the only ones that its code gets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.manifest.foreign import OUR_PREFIX, KeySet

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST_BYTES = 1 << 18
_MOST_FILES = 300
_CODE = frozenset({".py", ".sh", ".bat", ".c", ".cc", ".cpp", ".h", ".hpp", ".cmake", ".mk", ".txt", ".patch", ""})
# A word that ends with an underscore is the start of a composed key, such as "CM_MODEL_" + name.
_WORDS = {prefix: re.compile(rf"\+?{prefix}[A-Za-z0-9_]*") for prefix in (OUR_PREFIX, "MLC_")}
# Code that goes through all keys of its environment.
_LOOPS = re.compile(
    r"\bin (?:sorted\(|list\(|dict\()?env(?:\.keys\(\)|\.items\(\))?\)?\s*:|copy\(env\)|dict\(env\)|\*\*env\b"
)
ENGINE_KEYS = ("VERSION", "VERSION_MIN", "VERSION_MAX", "VERSION_MAX_USABLE", "QUIET", "INPUT", "OUTPUT", "NAME")


def named_keys(folder: Path, manifest: str, prefix: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the keys that a script may read, and those that its code may set.

    Args:
        folder: the script's folder.
        manifest: the manifest's text.
        prefix: the prefix of its engine's keys.
    """
    code: set[str] = set()
    for text in _texts(folder):
        code |= _keys(text, prefix)
    own = {f"{prefix}{name}" for name in ENGINE_KEYS} | {f"{prefix}TMP_*"}
    reads = code | _keys(manifest, prefix) | own
    # Our values reach the successor's scripts under its names.
    reads |= {OUR_PREFIX + key[len(prefix) :] for key in reads if key.startswith(prefix)}
    return KeySet.of(reads, tuple(_WORDS)), tuple(sorted(code))


def _keys(text: str, prefix: str) -> set[str]:
    found = set(_WORDS[prefix].findall(text))
    keys = {f"{key}*" if key.endswith("_") and key != prefix else key for key in found if key.lstrip("+") != prefix}
    return keys | {f"{prefix}*"} if _LOOPS.search(text) else keys


def _texts(folder: Path) -> Iterator[str]:
    left = _MOST_FILES
    for place, _folders, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            if path.suffix not in _CODE or not left:
                continue
            left -= 1
            try:
                if path.stat().st_size <= _LARGEST_BYTES:
                    yield path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
