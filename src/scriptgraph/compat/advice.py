"""Say how manifests of 2023 would be written in our form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scriptgraph.compat.keys import OF_DEPENDENCIES, OF_SCRIPTS, OF_VARIATIONS
from scriptgraph.compat.reader import unread_keys
from scriptgraph.errors import ManifestError
from scriptgraph.immutable import Immutable
from scriptgraph.manifest import shapes
from scriptgraph.manifest.located_json import pointer_to
from scriptgraph.manifest.text import FOREIGN_NAMES, parse_foreign, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PHASES = ("deps", "prehook_deps", "posthook_deps", "post_deps")
_FUNCTION = re.compile(r"^def (preprocess|postprocess|detect_version)\(i\)", re.MULTILINE)
_OF_FUNCTIONS = {
    "preprocess": "write preprocess(context), which returns Run(argv), Done(exports) or Skip(reason)",
    "postprocess": "write postprocess(context), which returns Done(exports)",
    "detect_version": "read the version in preprocess(context)",
}


class Advice(Immutable):
    """What to write instead, and where: a manifest's key, or a file of the script."""

    path: Path
    pointer: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}#{self.pointer}: {self.text}" if self.pointer else f"{self.path}: {self.text}"


def advise(root: Path) -> list[Advice]:
    """Return the advice for all scripts below a repository's `script/`.

    Raises:
        ManifestError: a manifest cannot be read.
    """
    return [each for path in script_manifests(root) for each in (*_of_manifest(path), *code_advice(path.parent))]


def script_manifests(path: Path) -> list[Path]:
    """Return the manifest of the script in a folder, or those of all scripts of a repository."""
    own = [path / name for name in FOREIGN_NAMES if (path / name).is_file()]
    return own or sorted(each for name in FOREIGN_NAMES for each in path.glob(f"script/*/{name}"))


def _of_manifest(path: Path) -> Iterator[Advice]:
    meta = parse_foreign(read_manifest(path), path)
    if not isinstance(meta, dict):
        raise ManifestError(path, "", "is not an object")
    if path.name.startswith("meta."):
        yield Advice(path, "", "name the file _cm.json or _cm.yaml, and its keys CM_ instead of MLC_")
    for key in unread_keys(meta):
        if key not in shapes.read_fields.readers:
            yield Advice(path, pointer_to(key), "no engine reads this key; remove or correct it")
    yield from _keys(path, "", meta, {**OF_SCRIPTS, **shapes.OF_SCRIPTS}, shapes.read_fields)
    for name, variation in (meta.get("variations") or {}).items():
        place = f"/variations{pointer_to(name)}"
        yield from _keys(path, place, variation or {}, {**OF_VARIATIONS, **shapes.OF_VARIATIONS}, shapes.variation)


def _keys(path: Path, place: str, block: Mapping[str, Any], advice: Mapping[str, str], shape: Any) -> Iterator[Advice]:
    for key in block:
        if key in advice and key not in shape.readers:
            yield Advice(path, place + pointer_to(key), advice[key])
    known = {**OF_DEPENDENCIES, **shapes.OF_DEPENDENCIES}
    for phase in _PHASES:
        for number, dependency in enumerate(block.get(phase) or ()):
            for key in dependency if isinstance(dependency, dict) else ():
                if key in known:
                    yield Advice(path, f"{place}/{phase}/{number}{pointer_to(key)}", known[key])


def code_advice(folder: Path) -> Iterator[Advice]:
    """Yield what to write instead of a script's code."""
    code = folder / "customize.py"
    if code.is_file():
        for name in dict.fromkeys(_FUNCTION.findall(code.read_text(encoding="utf-8", errors="replace"))):
            yield Advice(code, "", _OF_FUNCTIONS[name])
    for program in sorted(folder.glob("run*.sh")):
        if "tmp-run-env.out" in program.read_text(encoding="utf-8", errors="replace"):
            yield Advice(program, "", "write KEY=value to the file $CM_EXPORTS_FILE instead of tmp-run-env.out")
