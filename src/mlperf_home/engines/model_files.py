"""The files that a model consists of, and their hashes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import ModelFile, sha256_of
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx.model_file import external_files
from mlperf_home.engines.tflite.model_file import check_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _tflite_files(path: Path) -> tuple[str, ...]:
    return check_file(path).files


# How the names of a model's other files are found, by backend.
_PARTS: Mapping[str, Callable[[Path], tuple[str, ...]]] = {
    **dict.fromkeys(("deepsparse", "onnxruntime"), external_files),
    **dict.fromkeys(("tflite", "litert"), _tflite_files),
    # It reads both.
    "openvino": lambda path: _tflite_files(path) if path.suffix == ".tflite" else external_files(path),
}


def read_model_file(path: Path, backend: str) -> ModelFile:
    """Hash all files of a model for a backend: the named one and those that it refers to, or those of a folder.

    Raises:
        BackendError: a file of the model is absent or cannot be read, or the model is damaged.
    """
    if path.is_file():
        names = _PARTS[backend](path) if backend in _PARTS else ()
        # A tensor may name the model's own file.
        files = {name: path.parent / name for name in names if name != path.name}
        return ModelFile(path=str(path), sha256=_hash(path, path.name, path), reason=None, files=_hashes(path, files))
    reason = "the model is not a file"
    return ModelFile(path=str(path), sha256=None, reason=reason, files=_hashes(path, folder_files(path)))


def folder_files(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by name, also of folders that it links to; each folder once."""
    found: dict[str, Path] = {}
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        paths = (Path(parent, name) for name in sorted(names))
        found |= {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    return found


def _hashes(model: Path, files: dict[str, Path]) -> dict[str, str]:
    return {name: _hash(model, name, path) for name, path in files.items()}


def _hash(model: Path, name: str, path: Path) -> str:
    reason = "there is no such file"
    try:
        if path.is_file():  # a device would never end
            return sha256_of(path)
    except OSError as error:
        reason = str(error.strerror or error)
    problem = f"its file {name} cannot be read ({reason})"
    raise BackendError(f"model {model}: {problem}; put it beside the model, or export the model again")
