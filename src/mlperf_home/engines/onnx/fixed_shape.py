"""Copies of a model with fixed shapes, which share one file of weights.

An engine that overrides shapes writes them into the user's file, and may run dynamic shapes with slow code. Therefore
the weights are written once, and a small graph that refers to them for each (batch, length).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx.external_data_helper import ExternalDataInfo, set_external_data, uses_external_data

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx import graph
from scriptgraph.files.atomic import replacement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Smaller tensors stay in the graph, because shape inference needs the constants among them.
_INLINE_BYTES = 1024
_ALIGNMENT_BYTES = 64  # a cache line, for readers that map the file
# Part of every file name; it changes with the format of the files.
_LAYOUT = "fixed1"


class FixedShapeGraphs:
    """The fixed-shape copies of a model, in a folder that processes may share.

    Files are named by the hash of the model's content and written atomically: every existing file is usable, and two
    writers write the same content.

    Attributes:
        signature: the inputs and outputs of the model.
        sha256: the hash of the model's content.
    """

    def __init__(self, model_path: Path, work_dir: Path, outputs: str | None = None) -> None:
        """Read the user's model; `work_dir` is an existing folder for the copies; `outputs`: see `read_signature`.

        Raises:
            BackendError: the file is not an ONNX model for question answering, or work_dir is not a folder.
        """
        if not work_dir.is_dir():
            raise BackendError(f"work folder {work_dir}: does not exist; create it first")
        model = graph.load(model_path)
        self.signature = graph.read_signature(model, model_path, outputs)
        self.sha256 = graph.content_hash(model_path)
        self._path = model_path
        self._stem = f"{self.sha256[:16]}-{_LAYOUT}"
        self._weights = work_dir / f"{self._stem}-weights.bin"
        self._model: onnx.ModelProto | None = model
        self._split = False

    def path(self, batch: int, length: int) -> Path:
        """Return the path of the graph for one shape; write it if necessary.

        Raises:
            BackendError: the model was exported for another fixed shape, or the folder cannot be written.
        """
        # A model with a fixed shape may also have it in its constants, so it cannot be changed.
        fixed = self.signature.fixed_shape
        for size, exported, axis in zip((batch, length), fixed, ("batch size", "length"), strict=True):
            if exported not in {None, size}:
                raise BackendError(
                    f"model {self._path}: exported for {axis} {exported} only, not for {size}; "
                    f"export it with dynamic axes, or use {axis} {exported}"
                )
        target = self._weights.with_name(f"{self._stem}-batch{batch}-length{length}.onnx")
        if not _is_whole(target):
            model = onnx.ModelProto()
            model.CopyFrom(self._model_without_weights())
            names = {model_input.name for model_input in self.signature.inputs}
            for value in (*(each for each in model.graph.input if each.name in names), *model.graph.output):
                for dim, number in zip(value.type.tensor_type.shape.dim, (batch, length), strict=False):
                    dim.dim_value = number
            _publish(target, [model.SerializeToString()])
        return target

    def release(self) -> None:
        """Release the model's content, which can have hundreds of megabytes; it is read again when needed."""
        self._model = None
        self._split = False

    def _model_without_weights(self) -> onnx.ModelProto:
        if self._model is None:
            self._model = graph.load(self._path)
        if not self._split:
            graph.load_weights(self._model, self._path)
            # The noted shapes are those of the exporter's or the quantiser's own run.
            for body in _with_subgraphs(self._model.graph):
                del body.value_info[:]
            # Large tensors move to the file that all shapes share.
            blocks: list[bytes] = []
            offset = 0
            for tensor in self._model.graph.initializer:
                content: bytes = tensor.raw_data
                if len(content) >= _INLINE_BYTES:
                    padding = -len(content) % _ALIGNMENT_BYTES
                    blocks += [content, bytes(padding)]
                    set_external_data(tensor, self._weights.name, offset, len(content))
                    tensor.ClearField("raw_data")
                    offset += len(content) + padding
            if not self._weights.is_file() or self._weights.stat().st_size != sum(map(len, blocks)):
                _publish(self._weights, blocks)
            self._split = True
        return self._model


def _publish(target: Path, blocks: Iterable[bytes]) -> None:
    try:
        with replacement(target) as file:
            file.writelines(blocks)
    except OSError as error:
        reason = error.strerror or error
        problem = f"work folder {target.parent}: cannot write {target.name} ({reason}); name another folder"
        raise BackendError(problem) from error


def _with_subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph and the bodies of its conditions and loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for body in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _with_subgraphs(body)


def _is_whole(path: Path) -> bool:
    """Whether a graph and its weights are complete."""
    try:
        model = onnx.load(str(path), load_external_data=False)
        places = [ExternalDataInfo(each) for each in model.graph.initializer if uses_external_data(each)]
        return bool(model.graph.node) and all(
            (path.parent / place.location).stat().st_size >= (place.offset or 0) + (place.length or 0)
            for place in places
        )
    except Exception:  # noqa: BLE001 - an unusable graph is written again
        return False
