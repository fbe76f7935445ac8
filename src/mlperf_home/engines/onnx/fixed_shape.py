"""Copies of a model for one batch and length each, which share one file of weights.

An engine that overrides shapes by itself writes them into the user's file; one that is given dynamic shapes may fall
back to slow code. So the weights are written once, and for each (batch, length) a small graph that refers to them.
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

# Smaller tensors stay in the graph: shape inference has to see the constants among them.
_INLINE_BYTES = 1024
_ALIGNMENT_BYTES = 64  # a cache line, for readers that map the file
# Part of every name: raise it when the files are written in another way.
_LAYOUT = "fixed1"


class FixedShapeGraphs:
    """The fixed-shape copies of one model, in a folder that processes may share.

    Every file is named by the hash of the model's content and is renamed into place when it is whole, so whoever finds
    one can use it, and two writers write the same. `sha256` is the hash of the model's content.
    """

    def __init__(self, model_path: Path, work_dir: Path) -> None:
        """Read the user's model; `work_dir` is an existing folder for the copies.

        Raises:
            BackendError: not a question-answering model in ONNX, or work_dir is not a folder.
        """
        if not work_dir.is_dir():
            raise BackendError(f"work folder {work_dir}: does not exist; create it first")
        model = graph.load(model_path)
        self.signature = graph.read_signature(model, model_path)
        self.sha256 = graph.content_hash(model, model_path)
        self._path = model_path
        self._stem = f"{self.sha256[:16]}-{_LAYOUT}"
        self._weights = work_dir / f"{self._stem}-weights.bin"
        self._model: onnx.ModelProto | None = model
        self._split = False

    def path(self, batch: int, length: int) -> Path:
        """Return the graph for one shape, making it if need be.

        Raises:
            BackendError: the model was exported for another fixed shape, or the folder takes no files.
        """
        # A model exported with fixed numbers may have them in its constants too.
        fixed = self.signature.fixed_shape
        for wanted, exported, what in zip((batch, length), fixed, ("batch size", "length"), strict=True):
            if exported not in {None, wanted}:
                raise BackendError(
                    f"model {self._path}: exported for {what} {exported} only, and {wanted} is wanted; "
                    f"export it with dynamic axes, or ask for {what} {exported}"
                )
        target = self._weights.with_name(f"{self._stem}-batch{batch}-length{length}.onnx")
        if not _is_whole(target):
            model = onnx.ModelProto()
            model.CopyFrom(self._model_without_weights())
            names = {each.name for each in self.signature.inputs}
            for value in (*(each for each in model.graph.input if each.name in names), *model.graph.output):
                for dim, number in zip(value.type.tensor_type.shape.dim, (batch, length), strict=False):
                    dim.dim_value = number
            _publish(target, [model.SerializeToString()])
        return target

    def release(self) -> None:
        """Forget the model's content, which can be hundreds of megabytes; it is read again when needed."""
        self._model = None
        self._split = False

    def _model_without_weights(self) -> onnx.ModelProto:
        if self._model is None:
            self._model = graph.load(self._path)
        if not self._split:
            graph.load_weights(self._model, self._path)
            # The shapes that the exporter or the quantiser noted are those of its own run.
            for each in _with_subgraphs(self._model.graph):
                del each.value_info[:]
            # The large tensors' bytes go to a file that all shapes share.
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
        raise BackendError(f"work folder {target.parent}: cannot write {target.name} ({reason})") from error


def _with_subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and the bodies of its conditions and loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for body in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _with_subgraphs(body)


def _is_whole(path: Path) -> bool:
    """Whether a graph and the weights it refers to can be used."""
    try:
        model = onnx.load(str(path), load_external_data=False)
        places = [ExternalDataInfo(each) for each in model.graph.initializer if uses_external_data(each)]
        return bool(model.graph.node) and all(
            (path.parent / place.location).stat().st_size >= (place.offset or 0) + (place.length or 0)
            for place in places
        )
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it gets written again
        return False
