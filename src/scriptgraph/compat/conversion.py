"""Rewrite manifests of 2023 in our form where that is sure; what is left is said, and nothing is guessed."""

from __future__ import annotations

import difflib
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from scriptgraph.compat.advice import Advice, code_advice, script_manifests
from scriptgraph.compat.keys import OF_DEPENDENCIES, OF_SCRIPTS, OF_VARIATIONS
from scriptgraph.errors import ManifestError, RequestError, StepFailed
from scriptgraph.files.atomic import replace_text
from scriptgraph.immutable import Immutable
from scriptgraph.manifest import shapes
from scriptgraph.manifest.decoding import decode_manifest
from scriptgraph.manifest.located_json import pointer_to
from scriptgraph.manifest.text import MANIFEST_NAMES, parse_foreign, read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Keys of 2023 that say nothing to our engine: entries are found by their content, folders begin empty.
_DROPPED = frozenset(
    {"category", "category_sort", "clean_files", "docker", "predeps", "extra_cache_tags_from_env", "cache_expiration"}
)
_DROPPED_OF_DEPENDENCIES = frozenset({"extra_cache_tags", "reuse_cached", "dynamic", "quiet"})
_PHASES = {"deps": "deps", "post_deps": "post_deps", "prehook_deps": "deps", "posthook_deps": "post_deps"}
_PROGRAMS = ("run*.sh", "run*.bat")
_CODE = ("customize.py", *_PROGRAMS)
_KEY = re.compile(r"\bCM_[A-Z0-9_]+\b")


class Conversion(Immutable):
    """A manifest in our form.

    Attributes:
        folder: the script's folder.
        name: the name of the manifest that was read.
        before, after: the texts of the two.
        left: what has to be done by hand; the conversion is sure if there is nothing.
    """

    folder: Path
    name: str
    before: str
    after: str
    left: tuple[Advice, ...]

    @property
    def diff(self) -> str:
        """The difference of the two texts, as a unified diff."""
        names = (f"{self.folder.name}/{self.name}", f"{self.folder.name}/{MANIFEST_NAMES[0]}")
        lines = difflib.unified_diff(self.before.splitlines(True), self.after.splitlines(True), *names)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def convert(path: Path) -> list[Conversion]:
    """Convert the script in a folder, or all scripts of a repository.

    Raises:
        ManifestError: a manifest cannot be read.
        RequestError: there is none.
    """
    manifests = script_manifests(path)
    if not manifests:
        raise RequestError(f"--path={path}: holds no script, and no script/*/ with a manifest; name such a folder")
    return [_converted(each) for each in manifests]


def write_conversion(conversion: Conversion, repository: Path) -> Path:
    """Write a converted script with its other files below a repository's `script/`; return its folder.

    Raises:
        RequestError: there is such a folder already.
        StepFailed: it cannot be written.
    """
    target = repository / "script" / conversion.folder.name
    if target.exists():
        raise RequestError(f"--to={repository}: {target} is already there; remove it, or name another repository")
    try:
        shutil.copytree(conversion.folder, target, ignore=shutil.ignore_patterns(conversion.name, "__pycache__"))
        replace_text(target / MANIFEST_NAMES[0], conversion.after)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise StepFailed(f"{target}: cannot be written ({error.strerror}); name another repository by --to") from error
    return target


def _converted(path: Path) -> Conversion:
    text = read_manifest(path)
    meta = parse_foreign(text, path)
    if not isinstance(meta, dict):
        raise ManifestError(path, "", "is not an object")
    rewriting = _Rewriting(path, has_code=any(any(path.parent.glob(name)) for name in _CODE))
    document = rewriting.block(meta, "", {**OF_SCRIPTS, **shapes.OF_SCRIPTS}, shapes.read_fields)
    keys = _read_by_programs(path.parent, document)
    if keys:
        document["env_keys"] = keys
    after = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    left = [*rewriting.left, *code_advice(path.parent)]
    left += [Advice(path, "", f"its programs read {key}, which the engine of 2023 sets") for key in keys if _own(key)]
    if path.name.startswith("meta."):
        left.append(Advice(path, "", "its keys begin with MLC_; its code reads them"))
    if not left:
        try:
            decode_manifest(after, path.with_name(MANIFEST_NAMES[0]))
        except ManifestError as error:
            left.append(Advice(path, error.pointer, error.problem))
    return Conversion(path.parent, path.name, text, after, tuple(left))


def _read_by_programs(folder: Path, document: Mapping[str, Any]) -> list[str]:
    """Return the keys that the script's programs name, which our form declares."""
    programs = (path for name in _PROGRAMS for path in folder.glob(name))
    named = {key for path in programs for key in _KEY.findall(path.read_text("utf-8", errors="replace"))}
    return sorted({*named, *document.get("env_keys", ())} - {*document.get("new_env_keys", ())})


def _own(key: str) -> bool:
    """Whether the engine of 2023 itself sets a key for programs."""
    return key.startswith("CM_TMP_")


class _Rewriting:
    """The rewriting of one manifest; `left` takes what it cannot rewrite."""

    def __init__(self, path: Path, *, has_code: bool) -> None:
        self._path, self._has_code = path, has_code
        self.left: list[Advice] = []

    def block(self, block: Mapping[str, Any], place: str, advice: Mapping[str, str], shape: Any) -> dict[str, Any]:
        """Return a manifest, or one of its variations, in our form."""
        made: dict[str, Any] = {}
        for key, value in block.items():
            phase = _PHASES.get(key)
            if phase is not None and (key in _PHASES.values() or not self._has_code):
                made[phase] = [*made.get(phase, []), *self._dependencies(value, f"{place}/{key}")]
            elif key == "variations":
                made[key] = {name: self._variation(name, each or {}) for name, each in value.items()}
            elif key == "ad" and "adr" not in block:
                made["adr"] = value
            elif key in shape.readers:
                made[key] = value
            elif key not in _DROPPED and key not in OF_SCRIPTS:
                self._leave(f"{place}{pointer_to(key)}", advice.get(key, "nothing of ours reads this key"))
        return made

    def _variation(self, name: str, block: Mapping[str, Any]) -> dict[str, Any]:
        place = f"/variations{pointer_to(name)}"
        return self.block(block, place, {**OF_VARIATIONS, **shapes.OF_VARIATIONS}, shapes.variation)

    def _dependencies(self, dependencies: Any, place: str) -> list[dict[str, Any]]:
        made = []
        for number, dependency in enumerate(dependencies or ()):
            kept = {key: value for key, value in dependency.items() if key in shapes.dependency.readers}
            for key in dependency.keys() - kept.keys() - _DROPPED_OF_DEPENDENCIES - OF_DEPENDENCIES.keys():
                text = shapes.OF_DEPENDENCIES.get(key, "nothing of ours reads this key")
                self._leave(f"{place}/{number}{pointer_to(key)}", text)
            made.append(kept)
        return made

    def _leave(self, pointer: str, text: str) -> None:
        self.left.append(Advice(self._path, pointer, text))
