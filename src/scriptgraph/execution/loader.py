"""Import a script's customize.py, and hash what the script consists of."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.digests import KnownDigests
from scriptgraph.errors import ManifestError, StepFailed
from scriptgraph.manifest.text import MANIFEST_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from scriptgraph.manifest.types import Manifest

CUSTOMIZE_NAME, PROGRAM_NAME = "customize.py", "run.sh"
# Two threads must not make two modules of one file, nor undo each other's setting of the interpreter.
_IMPORTING = Lock()


def forget() -> None:
    """Forget what was read, so that a run sees scripts as they are now and not as an earlier run saw them."""
    _import.cache_clear()


def load_customize(manifest: Manifest) -> ModuleType | None:
    """Import the script's code; None for a script that only has dependencies.

    Raises:
        StepFailed: it cannot be imported.
    """
    path = manifest.folder / CUSTOMIZE_NAME
    return _import(path, manifest.uid) if path.is_file() else None


def hook_of(manifest: Manifest, name: str) -> Callable[..., Any] | None:
    """Return a function of the script's code; None where there is none of that name."""
    hook: Callable[..., Any] | None = getattr(load_customize(manifest), name, None)
    return hook


def has_code(manifest: Manifest) -> bool:
    """Return whether the script does something itself, besides what it depends on."""
    return any((manifest.folder / name).is_file() for name in (CUSTOMIZE_NAME, PROGRAM_NAME))


@cache
def _import(path: Path, uid: str) -> ModuleType:
    name = f"scriptgraph_script_{uid}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StepFailed(f"{path}: cannot be imported")
    with _IMPORTING:
        module = module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up there
        written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # the script's folder is not ours to write in
        try:
            spec.loader.exec_module(module)
        except (ImportError, SyntaxError) as error:
            raise StepFailed(f"{path}: cannot be imported: {error}") from error
        finally:
            sys.dont_write_bytecode = written
    return module


def content_digest(manifest: Manifest, known: KnownDigests | None = None) -> str:
    """Hash the script's folder and the modules that its manifest calls its code.

    Args:
        manifest: the script.
        known: digests of this run and of earlier ones; None to read everything.

    Raises:
        ManifestError: there is no such module.
    """
    known = known or KnownDigests()
    digest = hashlib.sha256(known.of_folder(manifest.folder).encode())
    for module in manifest.code:
        digest.update(_module_digest(module, manifest.folder, known).encode())
    return digest.hexdigest()


def _module_digest(name: str, folder: Path, known: KnownDigests) -> str:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise ManifestError(folder / MANIFEST_NAMES[0], "/code", f"there is no module {name!r}")
    origin = Path(spec.origin)
    return known.of_folder(origin.parent) if spec.submodule_search_locations else known.of_file(origin)
