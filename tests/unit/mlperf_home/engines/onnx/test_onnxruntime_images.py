"""Image classifiers in onnxruntime; the conformance suite checks the behaviour of all backends."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError, EngineSetup
from mlperf_home.engines.callers import become_stream
from mlperf_home.engines.onnx.onnxruntime import OnnxRuntimeBackend

pytest.importorskip("onnxruntime")

import onnxruntime

from mlperf_home.testing import tiny_onnx_classifier
from mlperf_home.testing.tiny_onnx_classifier import TinyOnnxClassifier

pytestmark = pytest.mark.engine
IMAGES = np.random.default_rng(1).normal(size=(3, 3, 4, 4)).astype(np.float32)


def opened(path: Path, batch: int = 4, **options: Any) -> tuple[OnnxRuntimeBackend, Any]:
    backend = OnnxRuntimeBackend()
    description = backend.open(EngineSetup(path, path.parent, Grid((), (batch,), 1), cores=1, options=options))
    return backend, description.details


def test_classes_are_the_references_less_the_background(tmp_path: Path) -> None:
    path = tiny_onnx_classifier.write(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["ArgMax:0"], {"input_tensor:0": IMAGES})

    backend, details = opened(path)

    assert backend.run((IMAGES,)).tolist() == (expected - 1).tolist()
    assert details["input"]["shape"] == [1, 3, 4, 4]
    assert details["input"]["layout"] == "NCHW"
    assert details["classes"] == 1000
    assert details["output"] == "softmax_tensor:0"


def test_a_model_of_one_image_takes_a_batch(tmp_path: Path) -> None:
    open_batch, _ = opened(tiny_onnx_classifier.write(tmp_path / "open.onnx"))
    single, details = opened(tiny_onnx_classifier.write(tmp_path / "one.onnx", TinyOnnxClassifier(batch=1)))

    assert single.run((IMAGES,)).tolist() == open_batch.run((IMAGES,)).tolist()
    assert details["batch_size"] == 1


def test_a_model_of_another_batch_is_refused(tmp_path: Path) -> None:
    path = tiny_onnx_classifier.write(tmp_path / "m.onnx", TinyOnnxClassifier(batch=8))

    with pytest.raises(BackendError, match="exported for a batch of 8, not for 4; export it with an open batch"):
        opened(path)
    backend, _ = opened(path, batch=8)
    assert backend.run((IMAGES,)).shape == (3,)


def test_classes_without_scores_need_the_background(tmp_path: Path) -> None:
    path = tiny_onnx_classifier.write(tmp_path / "m.onnx", TinyOnnxClassifier(outputs=("classes",)))

    with pytest.raises(BackendError, match="add the option background, true or false"):
        opened(path)
    with_scores, _ = opened(tiny_onnx_classifier.write(tmp_path / "scores.onnx"))
    assert opened(path, background=True)[0].run((IMAGES,)).tolist() == with_scores.run((IMAGES,)).tolist()


def test_options_of_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="unknown option 'fixed_shapes'; it has threads, background"):
        opened(tiny_onnx_classifier.write(tmp_path / "m.onnx"), fixed_shapes=True)


def test_a_backend_that_is_not_open_says_so(tmp_path: Path) -> None:
    backend, _ = opened(tiny_onnx_classifier.write(tmp_path / "m.onnx"))
    backend.close()
    for each in (OnnxRuntimeBackend(), backend):
        with pytest.raises(BackendError, match="the engine is not open"):
            each.prepare((IMAGES,))


def test_several_streams_share_the_cores(tmp_path: Path) -> None:
    path = tiny_onnx_classifier.write(tmp_path / "m.onnx")
    setup = EngineSetup(path, tmp_path, Grid((), (1,), 2), cores=1)

    description = OnnxRuntimeBackend().open(replace(setup, options={"threads": 1}))

    assert (description.details["streams"], description.details["threads_per_stream"]) == (2, 1)


def test_a_placed_stream_keeps_its_threads_on_its_cpus(tmp_path: Path) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    places = tuple(frozenset({cpu}) for cpu in (cpus[0], cpus[-1]))
    path = tiny_onnx_classifier.write(tmp_path / "m.onnx")
    backend, before = OnnxRuntimeBackend(), threads_by_cpus()
    backend.open(EngineSetup(path, tmp_path, Grid((), (4,), 2), options={"threads": 2}, places=places))

    started = {thread: each for thread, each in threads_by_cpus().items() if thread not in before}
    assert {min(places[0]), min(places[1])} == {int(each) for each in started.values()}
    answers: list[list[float]] = []

    def call(stream: int) -> None:
        become_stream(stream, places[stream])
        assert os.sched_getaffinity(0) == places[stream]
        answers.append(backend.run((IMAGES,)).tolist())

    in_turn = [threading.Thread(target=call, args=(stream,)) for stream in (0, 1)]
    for thread in in_turn:
        thread.start()
        thread.join()
    assert answers[0] == answers[1] == backend.run((IMAGES,)).tolist()
    assert os.sched_getaffinity(0) == set(cpus)


def threads_by_cpus() -> dict[str, str]:
    """Return the CPUs of each thread of this process, as the kernel lists them."""
    found = {}
    for status in Path("/proc/self/task").glob("*/status"):
        line = next(each for each in status.read_text().splitlines() if each.startswith("Cpus_allowed_list"))
        found[status.parent.name] = line.partition(":")[2].strip()
    return found
