"""BERT models for question answering in OpenVINO."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import WARM_UP_RUNS, check_grid, fill, full_inputs, locate
from mlperf_home.engines.onnx import graph
from mlperf_home.engines.openvino import library
from mlperf_home.engines.openvino.requests import InferRequests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Answer, EngineSetup, Prepared
    from mlperf_home.engines.openvino.library import CompileChoices


class OpenedQuestions:
    """A BERT model, compiled once for all shapes of a grid, or for each of them.

    Attributes:
        details: the description for the session.
    """

    def __init__(
        self, module: Any, setup: EngineSetup, choices: CompileChoices, *, fixed: bool, outputs: str | None = None
    ) -> None:
        """Read, compile and warm up a model; raise BackendError if it does not fit the benchmark or the engine."""
        path = setup.model_path
        model = graph.load(path)
        if (operator := graph.run_time_int8(model)) is not None:
            raise _run_time_int8_error(operator, path)
        self._signature = graph.read_signature(model, path, outputs)
        self._largest_batch = check_grid(setup.grid)
        exported = self._signature.fixed_shape
        self._fills = fixed or exported != (None, None)
        core = module.Core()
        shapes = list(self._largest_batch.items())
        groups = [[shape] for shape in shapes] if self._fills else [shapes]
        self._requests: dict[int, InferRequests] = {}
        compiled = None
        for group in groups:
            for length, batch in group:
                _check_exported(exported, batch, length, path)
            read = library.read_model(core, path)
            self._reshape(read, group, path)
            compiled = library.compile_model(core, read, path, choices)
            requests = InferRequests(module, compiled, choices.streams, range(len(compiled.outputs)))
            self._requests |= {length: requests for length, _ in group}
        self._warm_up(choices.streams, path)
        self.details: Mapping[str, Any] = {
            **library.compiled_details(compiled),
            "shapes": "fixed" if self._fills else "dynamic",
            "lengths": list(self._largest_batch),
            "batch_sizes": list(self._largest_batch.values()),
            "model_sha256": graph.content_hash(path),
            **self._signature.outputs.details,
        }

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare one batch; see `Backend.prepare`."""
        batch, length = locate(inputs, self._largest_batch)
        arrays = self._signature.arrange(inputs)
        if self._fills:
            arrays = [fill(array, self._largest_batch[length]) for array in arrays]
        requests = self._requests[length]
        tensors = requests.tensors(arrays)
        signature = self._signature

        def infer() -> Answer:
            return partial(signature.logits, requests.infer(tensors), batch)

        return infer

    def _reshape(self, model: Any, shapes: Sequence[tuple[int, int]], path: Path) -> None:
        """Limit the inputs of a model that was read to some shapes, (length, batch) each."""
        lengths, batches = zip(*shapes, strict=True)
        if len(shapes) == 1:
            limits = f"[{batches[0]},{lengths[0]}]"
        else:
            limits = f"[1..{max(batches)},{min(lengths)}..{max(lengths)}]"
        try:
            model.reshape(dict.fromkeys(range(len(self._signature.inputs)), limits))
        except Exception as error:  # its exceptions share no public base
            raise library.refusal(path, error) from error

    def _warm_up(self, streams: int, path: Path) -> None:
        for length, batch in self._largest_batch.items():
            requests = self._requests[length]
            tensors = requests.tensors(self._signature.arrange(full_inputs(batch, length)))
            for _ in range(streams * WARM_UP_RUNS):
                self._signature.check_outputs(requests.infer(tensors), batch, length, path)


def _run_time_int8_error(operator: str, path: Path) -> BackendError:
    problem = f"its int8 is quantised at run time ({operator}), for which openvino has no code"
    return BackendError(
        f"model {path}: {problem}; use the deepsparse or the onnxruntime backend, or a dense model "
        "(--precision=fp32, or --model_variation with nncf-int8)"
    )


def _check_exported(exported: tuple[int | None, int | None], batch: int, length: int, path: Path) -> None:
    """Raise `BackendError` if a model was exported for another shape, which its constants may also have."""
    for size, known, axis in zip((batch, length), exported, ("batch size", "length"), strict=True):
        if known not in {None, size}:
            raise BackendError(
                f"model {path}: exported for {axis} {known} only, not for {size}; "
                f"export it with dynamic axes, or use {axis} {known}"
            )
