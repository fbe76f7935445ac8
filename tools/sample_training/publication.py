"""The common part of the trainings: missing packages, errors, and publishing model files with sample.json."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from typing import TYPE_CHECKING, Any

from scriptgraph.files.atomic import replacement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import onnx

MODEL_FILES = ("dense.onnx", "pruned-quantised.onnx")
FILES = (*MODEL_FILES, "vocab.txt")
PROVENANCE_FILE = "sample.json"
NOTE = "sample models for the sample's own questions: good for trying, not for publishing"


EXIT_BAD_INPUT = 65


def missing_packages(packages: Sequence[str]) -> list[str]:
    """Return the packages that this Python lacks."""
    return [package for package in packages if not any(importlib.metadata.distributions(name=package))]


def fail(text: str) -> int:
    """Print an error and return the exit code."""
    print(f"mlperf-home: {text}", file=sys.stderr)
    return EXIT_BAD_INPUT


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write a model with deterministic bytes."""
    path.write_bytes(model.SerializeToString(deterministic=True))


def sha256(path: Path) -> str:
    """Return a file's hash."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def publish(
    folder: Path, target: Path, facts: dict[str, Any], *, names: Sequence[str] = FILES, note: str = NOTE
) -> None:
    """Copy the files of `folder` into `target`, then write sample.json with their hashes and the facts.

    Raises:
        OSError: `target` cannot be written.
    """
    files = {name: {"sha256": sha256(folder / name), "size_bytes": (folder / name).stat().st_size} for name in names}
    for name in names:
        with replacement(target / name) as file:
            file.write((folder / name).read_bytes())
    text = json.dumps({"sample": True, "note": note, **facts, "files": files}, indent=2) + "\n"
    with replacement(target / PROVENANCE_FILE) as file:
        file.write(text.encode("utf-8"))
