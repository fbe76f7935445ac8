"""TFLite classifiers: the checks of files, the reading of signatures, and the choice of classes."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines import registry
from mlperf_home.engines.base import BackendError, EngineSetup, Forkable
from mlperf_home.engines.tflite import library
from mlperf_home.engines.tflite.classifier import ClassifierSignature, Tensor, classes_of, read_classifier
from mlperf_home.engines.tflite.classifier_file import ClassifierFacts, read_classifier_file
from mlperf_home.engines.tflite.model_file import check_file
from mlperf_home.testing import tiny_classifier
from mlperf_home.testing.tiny_classifier import TinyClassifier

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = {"tflite": "tflite_runtime", "litert": "ai_edge_litert"}
GRID = Grid((), (1,), 1)


def _details(shape: list[int], dtype: Any = np.float32, quantization: tuple[float, int] = (0.0, 0)) -> dict[str, Any]:
    return {"name": "t", "index": 3, "shape": np.array(shape), "dtype": dtype, "quantization": quantization}


IMAGE, SCORES = _details([1, 8, 8, 3]), _details([1, 1001])


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_complete_file_is_accepted(tmp_path: Path, dtype: str) -> None:
    check_file(tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(dtype=dtype)))


def test_a_file_cut_anywhere_is_refused_in_one_line(tmp_path: Path) -> None:
    complete = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(side=2, classes=10)).read_bytes()
    path = tmp_path / "cut.tflite"
    for size in range(0, len(complete) - 16, 3):
        path.write_bytes(complete[:size])
        with pytest.raises(BackendError) as caught:
            check_file(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello world", b"\0\0\0\0TFL3" + bytes(100), b"PK\3\4" * 50])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    with pytest.raises(BackendError, match=r"is not a TFLite file|incomplete or damaged"):
        check_file(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"none\.tflite: cannot be read \(No such file"):
        check_file(tmp_path / "none.tflite")


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ([IMAGE], [SCORES] * 4, "1 inputs and 4 outputs"),
        ([_details([1, 384])], [SCORES], "its input is"),
        ([_details([8, 8, 8, 3])], [SCORES], "its input is"),
        ([IMAGE], [_details([1, 8, 8, 21])], "its output is"),
        ([IMAGE], [_details([1, 1])], "its output is"),
        ([_details([1, 8, 8, 3], np.int64)], [SCORES], "is int64"),
        ([_details([1, 8, 8, 3], np.uint8)], [SCORES], "without a scale"),
    ],
)
def test_a_model_that_is_not_a_classifier_is_refused(tmp_path: Path, inputs: Any, outputs: Any, words: str) -> None:
    with pytest.raises(BackendError, match="is not an image classifier") as caught:
        read_classifier(inputs, outputs, tmp_path / "m.tflite")
    assert words in str(caught.value)


@pytest.mark.parametrize(("classes", "background"), [(1000, 0), (1001, 1), (10, 0)])
def test_the_background_is_not_a_class_of_the_dataset(tmp_path: Path, classes: int, background: int) -> None:
    model = read_classifier([IMAGE], [_details([1, 1, 1, classes])], tmp_path)
    assert (model.classes, model.background) == (classes - background, background)


def test_the_highest_score_is_the_class() -> None:
    scores = [np.array([[9, 1, 3, 3]], np.uint8), np.array([[[[0, -1, -2, -1.5]]]], np.float32)]
    assert classes_of(scores, 0).tolist() == [0, 0]
    assert classes_of(scores, 1).tolist() == [1, 0]


def test_numbers_are_quantised_with_the_scale_of_the_file() -> None:
    image = Tensor(0, (1, 1, 1, 3), "int8", 0.5, -2)
    model = ClassifierSignature(image, Tensor(1, (1, 10), "int8", 1.0, 0), 0)
    images = model.images((np.array([[[[0.0, 1.0, 900.0]]]], np.float32),))
    assert images.dtype == np.int8
    assert images.tolist() == [[[[-2, 0, 127]]]]


def test_images_of_the_right_type_are_not_copied() -> None:
    model = ClassifierSignature(Tensor(0, (1, 1, 1, 3), "uint8", 0.5, 0), Tensor(1, (1, 10), "uint8", 1.0, 0), 0)
    array = np.zeros((2, 1, 1, 3), np.uint8)
    assert model.images((array,)) is array


@pytest.mark.parametrize("engine", ENGINES)
def test_an_absent_library_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    path = tiny_classifier.write(tmp_path / "m.tflite")
    backend = registry.make(engine)
    monkeypatch.setattr(library, "importlib", SimpleNamespace(import_module=refuse))
    with pytest.raises(BackendError, match=r"install (tflite-runtime|ai-edge-litert), or use the"):
        backend.open(EngineSetup(path, tmp_path, GRID))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threads": 0}, "threads must be"),
        ({"xnnpack": 1}, "xnnpack must be"),
        ({"delegate": ""}, "delegate must be"),
        ({"gpu": True}, "unknown option 'gpu'; it has threads, xnnpack, delegate"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    path = tiny_classifier.write(tmp_path / "m.tflite")
    with pytest.raises(BackendError) as caught:
        registry.make("litert").open(EngineSetup(path, tmp_path, GRID, options=options))
    assert words in str(caught.value)


def test_an_absent_delegate_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"delegate .*cannot be loaded.*name a shared library"):
        library.make_interpreter(
            SimpleNamespace(), tmp_path, library.Choices(1, xnnpack=True, delegate=str(tmp_path / "libnone.so"))
        )


def test_a_delegate_gets_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: dict[str, Any] = {}
    made = SimpleNamespace(allocate_tensors=lambda: None)
    package = SimpleNamespace(
        load_delegate=lambda name, options: received.update(options) or name,
        Interpreter=lambda **options: received.update(delegates=options["experimental_delegates"]) or made,
    )
    complete = SimpleNamespace(tflite_plugin_create_delegate=None)
    monkeypatch.setattr(library, "ctypes", SimpleNamespace(CDLL=lambda _name: complete))

    choices = library.Choices(1, xnnpack=True, delegate="libd.so", delegate_options=("backends=A,B",))
    library.make_interpreter(package, tmp_path, choices)

    assert received == {"backends": "A,B", "delegates": ["libd.so"]}


def test_the_libraries_of_a_delegate_are_all_that_it_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, needed, before = tmp_path / "libd.so.1", tmp_path / "needed.so.2", tmp_path / "libc.so.6"
    for path in (own, needed, before):
        path.touch()
    (tmp_path / "libd.so").symlink_to(own)
    maps = tmp_path / "maps"
    monkeypatch.setattr(library, "_MAPS", maps)
    maps.write_text(f"7f-8f r-xp 0 08:01 1   {before}\n8f-9f rw-p 0 00:00 0\n9f-af rw-p 0 00:00 0   [heap]\n")
    loaded = library.mapped_libraries()
    assert loaded == {before}
    maps.write_text(maps.read_text() + f"af-bf r-xp 0 08:01 2 {own}\nbf-cf r-xp 0 08:01 3 {needed} (deleted)\n")
    assert library.delegate_files(str(tmp_path / "libd.so"), loaded) == (own, needed)
    # A second engine of one process finds the delegate loaded already.
    assert library.delegate_files(str(tmp_path / "libd.so"), library.mapped_libraries()) == (own,)
    assert library.delegate_files("libd.so.1", library.mapped_libraries()) == (own,)


def test_a_delegate_option_without_a_value_is_refused(tmp_path: Path) -> None:
    choices = library.Choices(1, xnnpack=True, delegate="libd.so", delegate_options=("backends",))
    with pytest.raises(BackendError, match="option 'backends' must be key=value"):
        library.make_interpreter(SimpleNamespace(), tmp_path, choices)


@pytest.mark.engine
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("xnnpack", [True, False])
def test_the_written_model_computes_its_weights(tmp_path: Path, engine: str, *, xnnpack: bool) -> None:
    pytest.importorskip(ENGINES[engine])
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(classes=20), seed=3)
    backend = registry.make(engine)
    backend.open(EngineSetup(path, tmp_path, GRID, options={"xnnpack": xnnpack, "threads": 1}))
    random = np.random.default_rng(3)
    weights = random.normal(size=(20, 48)).astype(np.float32)
    for _ in range(10):
        image = random.normal(size=(1, 4, 4, 3)).astype(np.float32)
        assert backend.run((image,)).tolist() == [int((weights @ image.reshape(-1)).argmax())]
    backend.close()


@pytest.mark.engine
@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_with_two_outputs_is_refused(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(ENGINES[engine])
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(outputs=2))
    with pytest.raises(BackendError, match="is not an image classifier"):
        registry.make(engine).open(EngineSetup(path, tmp_path, GRID))


@pytest.mark.engine
@pytest.mark.parametrize(
    ("grid", "options", "threads"),
    [(GRID, {}, 2), (GRID, {"threads": 1}, 1), (Grid((), (1,), 2), {}, 1), (Grid((), (1,), 2), {"threads": 2}, 2)],
)
def test_streams_share_the_cores_unless_threads_are_given(
    tmp_path: Path, grid: Grid, options: dict[str, Any], threads: int
) -> None:
    pytest.importorskip("ai_edge_litert")
    if len(os.sched_getaffinity(0)) == 1:
        pytest.skip("one core cannot be shared")
    path = tiny_classifier.write(tmp_path / "m.tflite")
    backend = registry.make("litert")
    details = backend.open(EngineSetup(path, tmp_path, grid, cores=2, options=options)).details
    backend.close()
    assert details["threads_per_stream"] == threads


def test_a_file_shows_whether_it_is_a_classifier(tmp_path: Path) -> None:
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(side=8, classes=20))
    assert read_classifier_file(path) == ClassifierFacts(8, 20)
    tiny_classifier.write(path, TinyClassifier(outputs=2))
    with pytest.raises(BackendError, match=r"m\.tflite: its outputs are \(1, 1001\) and \(1, 1001\), not one score"):
        read_classifier_file(path)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"image": (1, 1, 1, 3)}, "leaves the image's size open; convert the model"),
        (
            {"image": (1, 1, 1, 3), "signature": (-1, -1, -1, 3)},
            "leaves the image's size open; convert the model",
        ),
        ({"image": (1, 4, 4, 3), "signature": (1, 4, -1, 3)}, "(1, 4, -1, 3): the file leaves"),
        ({"image": (1, 4, 4, 1), "signature": (1, 4, 4, -1)}, "(1, 4, 4, -1): the file leaves"),
        ({"image": (1, 4, 4, 1)}, "1 channels; use a classifier of RGB images"),
        ({"image": (1, 4, 4, 4)}, "4 channels; use a classifier of RGB images"),
        ({"image": (1, 3, 4, 4)}, "with the channels first; convert the model with the channels last"),
        ({"image": (8, 4, 4, 3)}, "a batch of 8 images; convert the model for one image"),
        ({"image": (1, 4, 6, 3)}, "not one square image"),
        ({"image": (1, 48)}, "not one square image"),
        ({"image_type": "float16"}, "its input is float16; convert the model with float32 or uint8 or int8"),
        ({"image_type": "int64"}, "its input is int64;"),
        ({"image_type": "int8"}, "its input is int8 without a scale; convert the model with its quantisation"),
    ],
)
def test_a_file_for_other_images_is_refused(tmp_path: Path, properties: dict[str, Any], words: str) -> None:
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(**properties))
    with pytest.raises(BackendError) as caught:
        read_classifier_file(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"model {path}: ")


def test_an_open_batch_is_one_image(tmp_path: Path) -> None:
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(signature=(-1, 4, 4, 3)))
    assert read_classifier_file(path) == ClassifierFacts(4, 1000)


@pytest.mark.engine
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_refuses_an_open_size(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(ENGINES[engine])
    properties = TinyClassifier(side=1, signature=(-1, -1, -1, 3))
    path = tiny_classifier.write(tmp_path / "m.tflite", properties)
    with pytest.raises(BackendError, match=r"\(-1, -1, -1, 3\): the file leaves the image's size open"):
        registry.make(engine).open(EngineSetup(path, tmp_path, GRID))


def test_files_beside_a_model_are_found(tmp_path: Path) -> None:
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(files=("a.bin", "b.bin")))
    assert check_file(path).files == ("a.bin", "b.bin")


@pytest.mark.engine
@pytest.mark.parametrize("engine", ENGINES)
def test_a_fork_keeps_one_stream_with_equal_answers(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(ENGINES[engine])
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(classes=20), seed=3)
    backend = registry.make(engine)
    backend.open(EngineSetup(path, tmp_path, Grid((), (1,), 2), options={"threads": 1}))
    assert isinstance(backend, Forkable)
    assert backend.fork_safe()
    images = [np.random.default_rng(seed).normal(size=(1, 4, 4, 3)).astype(np.float32) for seed in range(20)]
    prepared = [backend.prepare((image,)) for image in images]
    expected = [int(infer()()[0]) for infer in prepared]
    for stream in range(2):
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            own = backend.keep_stream(stream, dict(enumerate(prepared)))
            os.write(write_end, bytes(int(own[index]()()[0]) for index in range(20)))
            os._exit(0)
        os.close(write_end)
        assert list(os.read(read_end, 100)) == expected
        os.close(read_end)
        assert os.waitpid(child, 0)[1] == 0
    backend.close()


@pytest.mark.engine
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_with_threads_is_not_forked(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(ENGINES[engine])
    backend = registry.make(engine)
    path = tiny_classifier.write(tmp_path / "m.tflite")
    backend.open(EngineSetup(path, tmp_path, Grid((), (1,), 2), options={"threads": 2}))
    assert isinstance(backend, Forkable)
    assert not backend.fork_safe()
    backend.close()
