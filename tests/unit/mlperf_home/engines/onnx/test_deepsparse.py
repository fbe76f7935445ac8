"""The decisions of the DeepSparse backend with a fake library."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError, EngineSetup
from mlperf_home.engines.onnx import deepsparse
from mlperf_home.engines.onnx.deepsparse import DeepSparseBackend
from mlperf_home.testing import tiny_bert

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class FakeDeepSparse:
    """A fake of the module `deepsparse`."""

    fraction: float = 0.98
    failure: str = ""
    isa: dict[str, Any] = field(default_factory=lambda: {"isa": "avx512", "vnni": True, "bf16": False})
    engines: list[Any] = field(default_factory=list)
    __version__ = "1.8.0"

    @property
    def cpu(self) -> Any:
        return SimpleNamespace(cpu_architecture=lambda: self.isa)

    def Context(self, num_cores: int, num_streams: int) -> Any:  # noqa: N802 - the library's own name
        return SimpleNamespace(num_cores=num_cores, num_streams=num_streams, scheduler=SimpleNamespace(value="elastic"))

    def MultiModelEngine(self, path: str, batch: int, context: Any) -> Any:  # noqa: N802 - the library's own name
        if self.failure:
            raise RuntimeError(self.failure)
        engine = FakeEngine(path, batch, context, self.fraction)
        self.engines.append(engine)
        return engine


class FakeEngine:
    """A fake engine whose start logits are the token ids and whose end logits are their negatives."""

    def __init__(self, path: str, batch: int, context: Any, fraction: float) -> None:
        self.fraction_of_supported_ops = fraction
        self.context = context
        dims = onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
        self.shape = (dims[0].dim_value, dims[1].dim_value)
        assert self.shape[0] == batch
        self.calls = 0

    def run(self, arrays: list[Any], *, val_inp: bool) -> list[Any]:
        assert not val_inp
        self.calls += 1
        assert [array.shape for array in arrays] == [self.shape] * 3
        assert all(array.flags.c_contiguous for array in arrays)
        return [arrays[0].astype(np.float32), -arrays[0].astype(np.float32)]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeDeepSparse:
    fake = FakeDeepSparse()
    monkeypatch.setattr(deepsparse, "load", lambda: fake)
    return fake


@pytest.fixture
def engine_setup(tmp_path: Path) -> EngineSetup:
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    path = tiny_bert.write(tmp_path / "model.onnx")
    return EngineSetup(path, work_dir, Grid((64, 384), (4, 2)), cores=1, options={"trial": False})


def _inputs(batch: int, length: int) -> tuple[Any, Any, Any]:
    ids = np.arange(batch * length, dtype=np.int64).reshape(batch, length)
    return ids, np.ones_like(ids), np.zeros_like(ids)


def test_engines_share_one_scheduler(library: FakeDeepSparse, engine_setup: EngineSetup) -> None:
    description = DeepSparseBackend().open(engine_setup)
    assert {engine.shape for engine in library.engines} == {(4, 64), (2, 384)}
    assert len({id(engine.context) for engine in library.engines}) == 1
    assert all(engine.calls for engine in library.engines), "not every engine was warmed up"
    assert description.warnings == ()
    details = dict(description.details)
    assert details["lengths"] == [64, 384]
    assert details["batch_sizes"] == [4, 2]
    assert details["supported_fraction"] == 0.98
    assert details["scheduler"] == "elastic"
    assert "proprietary" in details["licence"]
    assert len(details["model_sha256"]) == 64


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_partial_batch_is_filled_and_cut(library: FakeDeepSparse, engine_setup: EngineSetup, count: int) -> None:
    backend = DeepSparseBackend()
    backend.open(engine_setup)
    logits = backend.run(_inputs(count, 64))
    assert logits.shape == (count, 64, 2)
    assert np.array_equal(logits[..., 0], _inputs(count, 64)[0])
    assert np.array_equal(logits[..., 1], -_inputs(count, 64)[0])


def test_single_engines_serve_partial_batches(library: FakeDeepSparse, engine_setup: EngineSetup) -> None:
    backend = DeepSparseBackend()
    backend.open(replace(engine_setup, options={"trial": False, "single": True}))
    engines = {engine.shape: engine for engine in library.engines}
    assert set(engines) == {(4, 64), (1, 64), (2, 384), (1, 384)}
    before = {shape: engine.calls for shape, engine in engines.items()}
    assert np.array_equal(backend.run(_inputs(3, 64))[..., 0], _inputs(3, 64)[0])
    assert engines[1, 64].calls == before[1, 64] + 3
    backend.run(_inputs(4, 64))
    assert engines[4, 64].calls == before[4, 64] + 1


def test_a_mostly_unsupported_model_is_refused(library: FakeDeepSparse, engine_setup: EngineSetup) -> None:
    library.fraction = 0.0
    backend = DeepSparseBackend()
    with pytest.raises(BackendError, match="covers only 0% of its operations"):
        backend.open(engine_setup)
    with pytest.raises(BackendError, match="not open"):
        backend.run(_inputs(1, 64))
    allowed = replace(engine_setup, options={"trial": False, "allow_unsupported": True})
    assert "covers only 0%" in backend.open(allowed).warnings[0]


def test_a_partly_unsupported_model_gives_a_warning(library: FakeDeepSparse, engine_setup: EngineSetup) -> None:
    library.fraction = 0.8
    (warning,) = DeepSparseBackend().open(engine_setup).warnings
    assert "covers only 80%" in warning


def test_missing_instructions_give_warnings(library: FakeDeepSparse, engine_setup: EngineSetup) -> None:
    library.isa = {"isa": "avx2", "vnni": False}
    assert len(DeepSparseBackend().open(engine_setup).warnings) == 2


def test_a_failed_compile_is_one_line(library: FakeDeepSparse, engine_setup: EngineSetup) -> None:
    library.failure = "NM: error: a.cc:4 no such op\nBacktrace\n 0# x"
    with pytest.raises(BackendError) as caught:
        DeepSparseBackend().open(engine_setup)
    assert "for batch 2, length 384: NM: error: a.cc:4 no such op;" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_aborted_trial_compile_is_an_error(library: FakeDeepSparse, engine_setup: EngineSetup) -> None:
    command = ["/bin/sh", "-c", "echo 'Assertion at planner.hpp:120' >&2; ulimit -c 0; kill -ABRT $$"]
    with pytest.raises(
        BackendError, match=r"cannot compile it for batch 4, length 64: .*SIGABRT.*Assertion at planner"
    ):
        DeepSparseBackend().open(replace(engine_setup, options={"trial_command": command}))
    assert not library.engines


def test_engines_that_do_not_fit_into_memory_are_refused(
    library: FakeDeepSparse, engine_setup: EngineSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = iter(range(0, 100 << 30, 4 << 30))
    monkeypatch.setattr(deepsparse, "resident_bytes", lambda: next(held))
    monkeypatch.setattr(deepsparse, "available_bytes", lambda: 1 << 30)
    with pytest.raises(BackendError, match=r"about 4\.0 GiB each do not fit into 1\.0 GiB"):
        DeepSparseBackend().open(engine_setup)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"speed": 1}, "unknown option 'speed'"), ({"trial": "no"}, "option trial must be true or false")],
)
def test_wrong_options_are_named(
    library: FakeDeepSparse, engine_setup: EngineSetup, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(BackendError, match=words):
        DeepSparseBackend().open(replace(engine_setup, options=options))


@pytest.mark.engine
def test_a_graph_that_aborts_the_real_engine_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("deepsparse")
    path = tiny_bert.write(tmp_path / "model.onnx", tiny_bert.TinyBert(dynamic_int8=True))
    before = path.read_bytes()
    with pytest.raises(BackendError, match="cannot compile it for batch 1, length 32: it"):
        DeepSparseBackend().open(EngineSetup(path, tmp_path, Grid((32,))))
    assert path.read_bytes() == before


@pytest.mark.engine
def test_the_real_engine_supports_dynamic_models(tmp_path: Path) -> None:
    library = pytest.importorskip("deepsparse")
    path = tiny_bert.write(tmp_path / "model.onnx", tiny_bert.TinyBert(stale_shapes=True))
    backend = DeepSparseBackend()
    description = backend.open(EngineSetup(path, tmp_path, Grid((32,), (2,))))
    assert description.details["supported_fraction"] >= 0.9
    assert description.version == library.__version__
    backend.close()
