"""A finished run answers a request only if all that it was made with is the same."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec
import onnx
import pytest
from harness_jobs import run_options
from results_logs import SESSION

from mlperf_home.contracts.runs.job import BackendChoice
from mlperf_home.engines.model_files import read_model_file
from mlperf_home.measurements.layout import ResultFolder, ResultsError
from mlperf_home.steps.kept_run import require_same
from mlperf_home.testing import tiny_bert

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.runs.job import JobOptions

IDENTITY = {"dataset_sha256": "1", "vocab_sha256": "2"}


@pytest.fixture
def options(tmp_path: Path) -> JobOptions:
    """Return options whose BERT has its weights in a file beside it, and whose delegate is behind a link."""
    content = onnx.load(str(tiny_bert.write(tmp_path / "m.onnx")))
    onnx.save_model(content, str(tmp_path / "m.onnx"), save_as_external_data=True, location="m.data", size_threshold=64)
    (tmp_path / "libd.so.1").write_text("delegate")
    (tmp_path / "needed.so").write_text("needed by the delegate")
    (tmp_path / "libd.so").symlink_to("libd.so.1")
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "features.json").write_text(json.dumps(IDENTITY), "utf-8")
    (tmp_path / "user.conf").write_text("bert.Offline.target_qps = 20\n", "utf-8")
    backend = BackendChoice(
        name="onnxruntime", model_path=tmp_path / "m.onnx", options={"delegate": str(tmp_path / "libd.so")}
    )
    return run_options(tmp_path, backend=backend)


def keep(folder: ResultFolder, options: JobOptions, *, old: bool = False) -> None:
    """Write the session of a run with these options; `old`: as 0.1 wrote it."""
    backend, root = options.backend, options.backend.model_path.parent
    found = read_model_file(backend.model_path, backend.name)
    shapes = dict.fromkeys(("cores", "lengths", "batch_sizes", "streams"))
    job = {**SESSION["job"], **shapes, "mode": "accuracy", "backend": backend.name, "options": backend.options}
    session: dict[str, Any] = {**SESSION, "job": job, "dataset": {**SESSION["dataset"], "identity": IDENTITY}}
    session["model"] = {"path": found.path, "sha256": found.sha256, "reason": None, "files": found.files}
    session["inputs"] = {
        path.name: {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in (root / "libd.so.1", root / "needed.so")
    }
    if old:
        del session["model"]["files"], session["inputs"]
    folder.root.mkdir()
    folder.session("accuracy").write_text(json.dumps(session), "utf-8")


def refusal(folder: ResultFolder, options: JobOptions) -> str:
    with pytest.raises(ResultsError) as caught:
        require_same(folder, "accuracy", options, target_given=False)
    return str(caught.value)


@pytest.fixture
def kept(tmp_path: Path, options: JobOptions) -> ResultFolder:
    folder = ResultFolder(tmp_path / "result")
    keep(folder, options)
    require_same(folder, "accuracy", options, target_given=False)
    return folder


@pytest.mark.parametrize("name", ["m.onnx", "m.data", "needed.so", "libd.so.1"])
def test_another_content_of_any_file_is_another_run(
    tmp_path: Path, options: JobOptions, kept: ResultFolder, name: str
) -> None:
    content = (tmp_path / name).read_bytes()
    changed = content.replace(b"tiny_bert", b"tinybert2") if name == "m.onnx" else bytes(len(content))
    (tmp_path / name).write_bytes(changed)
    text = refusal(kept, options)
    assert str(tmp_path / name) in text
    assert "measure again with --rerun" in text


def test_weights_that_are_gone_are_named(tmp_path: Path, options: JobOptions, kept: ResultFolder) -> None:
    (tmp_path / "m.data").unlink()
    assert "its file m.data cannot be read (there is no such file); put it beside the model" in refusal(kept, options)


def test_a_link_to_another_library_is_another_run(tmp_path: Path, options: JobOptions, kept: ResultFolder) -> None:
    (tmp_path / "libd.so.2").write_text("another delegate")
    (tmp_path / "libd.so").unlink()
    (tmp_path / "libd.so").symlink_to("libd.so.2")
    assert f"another library behind {tmp_path / 'libd.so'}" in refusal(kept, options)


def test_a_run_of_0_1_is_taken_as_before(tmp_path: Path, options: JobOptions) -> None:
    folder = ResultFolder(tmp_path / "result")
    keep(folder, options, old=True)
    (tmp_path / "m.data").write_bytes(bytes((tmp_path / "m.data").stat().st_size))
    (tmp_path / "needed.so").write_text("other")
    require_same(folder, "accuracy", options, target_given=False)


def test_a_changed_file_in_a_model_folder_is_named(tmp_path: Path, options: JobOptions) -> None:
    folder = ResultFolder(tmp_path / "result")
    model = tmp_path / "saved_model"
    (model / "variables").mkdir(parents=True)
    (model / "variables" / "weights").write_text("1")
    in_folder = msgspec.structs.replace(options, backend=msgspec.structs.replace(options.backend, model_path=model))
    keep(folder, in_folder)
    (model / "variables" / "weights").write_text("2")

    assert f"another model file ({model / 'variables' / 'weights'})" in refusal(folder, in_folder)
