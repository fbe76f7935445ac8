"""Runs with the real LoadGen and real engines, and their failures."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlperf_home.samples.bert import MODELS
from mlperf_home.samples.questions import write_sample

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator

    from cm_command import Cm

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")
pytest.importorskip("tokenizers", reason="the tokeniser is not installed in this Python")

TAGS = "run,mlperf,bert-99,deepsparse"
# The tests' own environment has the workload's packages, so nothing is installed.
HERE = f"--adr.workload-environment.environment={sys.executable}"


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """Return the options of a run of the echo engine on a few of the sample's questions."""
    files = write_sample(tmp_path / "small", questions=40)
    return [
        HERE,
        "--backend=echo",
        "--execution_mode=test",
        "--test_query_count=80",
        f"--dataset_path={files.dataset}",
        f"--vocab_path={files.vocabulary}",
        f"--model_path={MODELS['dense']}",
        f"--results_dir={tmp_path / 'results'}",
    ]


def replaced(options: list[str], *changes: str) -> list[str]:
    names = {change.partition("=")[0] for change in changes}
    return [option for option in options if option.partition("=")[0] not in names] + list(changes)


def results(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "results").rglob("*") if path.is_file() and path.name != ".lock")


@pytest.mark.engine
@pytest.mark.slow
def test_the_sample_on_deepsparse_ends_with_the_table(cm: Cm, tmp_path: Path) -> None:
    pytest.importorskip("deepsparse", reason="DeepSparse has no wheel for this Python")

    # A few questions in fixed shapes; .ci/run also runs the whole sample, with calibration.
    short = ["--adr.sample-dataset.questions=200", "--execution_mode=test", "--test_query_count=200"]
    short += ["--batch_size=2", "--streams=1", "--env.DEEPSPARSE_SEQLENS=192,384"]
    ended = cm.script(f"{TAGS},_sample", HERE, *short, f"--results_dir={tmp_path / 'results'}")

    assert ended.code == 0, ended.output
    assert "SAMPLE RESULT" in ended.out
    assert "deepsparse 1.8.0" in ended.out
    measurement = json.loads(next((tmp_path / "results").rglob("measurement.json")).read_text())
    assert measurement["sample"] is True
    assert measurement["validity"] == "VALID"
    assert measurement["values"]["f1_percent"]["value"] > 90
    assert measurement["values"]["samples_per_second"]["value"] > 0
    record = json.loads(next((cm.home / "mlperf-home/records").rglob("record.json")).read_text())
    assert record["status"] == "done"
    readme = next((tmp_path / "results").rglob("README.md")).read_text()
    assert "sample" in readme
    assert "cm run script" in readme


@pytest.mark.engine
def test_onnxruntime_runs_the_sample_too(cm: Cm, small: list[str], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")

    ended = cm.script(f"{TAGS},_accuracy-only", *replaced(small, "--backend=onnxruntime"))

    assert ended.code == 0, ended.output
    text = next((tmp_path / "results").rglob("accuracy.txt")).read_text()
    assert json.loads(text.splitlines()[0])["f1"] > 90
    assert "sample" in text


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream", "MultiStream", "Server"])
def test_every_scenario_leaves_a_measurement(cm: Cm, small: list[str], tmp_path: Path, scenario: str) -> None:
    ended = cm.script(TAGS, *small, f"--scenario={scenario}", "--target_qps=20")

    assert ended.code == 0, ended.output
    assert next((tmp_path / "results").rglob(f"{scenario.lower()}/measurement.json")).is_file()


def test_a_result_is_measured_again_only_on_request(cm: Cm, small: list[str], tmp_path: Path) -> None:
    assert cm.script(TAGS, *small).code == 0
    session = next((tmp_path / "results").rglob("performance-session.json"))
    before = session.read_bytes()

    kept = cm.script(TAGS, *small)
    same = session.read_bytes()
    again = cm.script(TAGS, *small, "--rerun")

    assert "the result exists" in kept.output
    assert same == before
    assert again.code == 0, again.output
    assert session.read_bytes() != before


def test_a_result_of_another_dataset_is_refused(cm: Cm, small: list[str], tmp_path: Path) -> None:
    assert cm.script(TAGS, *small).code == 0
    accuracy = next((tmp_path / "results").rglob("accuracy.txt"))
    before = accuracy.read_bytes()
    others = write_sample(tmp_path / "others", seed=5, questions=40)

    ended = cm.script(TAGS, *replaced(small, f"--dataset_path={others.dataset}"))

    assert ended.code != 0
    assert "another dataset" in ended.output
    assert "--rerun" in ended.output
    assert accuracy.read_bytes() == before


@pytest.mark.parametrize("change", ["--num_threads=1", "--test_query_count=90", "--env.DEEPSPARSE_SEQLENS=128,384"])
def test_a_result_of_other_options_is_not_reused(cm: Cm, small: list[str], change: str) -> None:
    assert cm.script(f"{TAGS},_performance-only", *small).code == 0

    ended = cm.script(f"{TAGS},_performance-only", *replaced(small, change))

    assert ended.code != 0
    assert "run there has" in ended.output


def test_a_performance_runs_settings_stay_beside_its_result(cm: Cm, small: list[str], tmp_path: Path) -> None:
    assert cm.script(TAGS, *small).code == 0

    assert "min_query_count = 80" in next((tmp_path / "results").rglob("user.conf")).read_text()


@pytest.mark.parametrize("wrong", ["--env.CM_MLPERF_BACKEND_OPTIONS={", "--env.CM_RUN_PREFIX='env"])
def test_an_unreadable_option_is_named(cm: Cm, small: list[str], wrong: str) -> None:
    ended = cm.script(f"{TAGS},_performance-only", *small, wrong)

    assert ended.code != 0
    assert wrong.removeprefix("--env.").partition("=")[0] in ended.output
    assert "Traceback" not in ended.output


def test_clean_sets_the_old_results_aside(cm: Cm, small: list[str], tmp_path: Path) -> None:
    assert cm.script(TAGS, *small).code == 0
    old = next((tmp_path / "results").rglob("performance-session.json")).read_bytes()

    ended = cm.script(TAGS, *small, "--clean")

    sessions = [path.read_bytes() for path in (tmp_path / "results").rglob("performance-session.json")]
    assert ended.code == 0, ended.output
    assert len(sessions) == 2
    assert old in sessions


def test_a_users_model_is_named_by_its_option(cm: Cm, small: list[str], tmp_path: Path) -> None:
    ended = cm.script(f"{TAGS},_performance-only", *small, "--env.CM_ML_MODEL_FULL_NAME=mine-bert-99")

    assert ended.code == 0, ended.output
    assert list((tmp_path / "results").rglob("mine-bert-99/offline/measurement.json"))


def test_a_found_target_is_kept_for_later_runs(cm: Cm, small: list[str]) -> None:
    found = cm.script("generate-run-cmds,inference,_find-performance", *small)

    targets = json.loads(next((cm.home / "mlperf-home/state/systems").rglob("targets.json")).read_text())
    assert found.code == 0, found.output
    assert targets["dense-bert-99"]["Offline"]["target_qps"] > 0
    assert "samples per second" in found.out


def test_the_readme_is_rewritten_without_measuring(cm: Cm, small: list[str], tmp_path: Path) -> None:
    assert cm.script("generate-run-cmds,inference,_submission", *small).code == 0
    session = next((tmp_path / "results").rglob("performance-session.json"))
    measured = session.read_bytes()
    readme = next((tmp_path / "results").rglob("README.md"))
    readme.unlink()

    ended = cm.script("generate-run-cmds,inference,_populate-readme", *small)

    assert ended.code == 0, ended.output
    assert readme.is_file()
    assert session.read_bytes() == measured


@pytest.mark.engine
def test_a_result_of_other_weights_beside_the_model_is_not_taken(cm: Cm, small: list[str], tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path, weights = tmp_path / "m.onnx", tmp_path / "m.data"
    onnx.save(
        onnx.load(str(MODELS["dense"])), str(path), save_as_external_data=True, location="m.data", size_threshold=1024
    )
    words = replaced(small, f"--model_path={path}", "--backend=onnxruntime")
    first = cm.script(TAGS, *words)
    assert first.code == 0, first.output

    weights.write_bytes(bytes(weights.stat().st_size))
    other = cm.script(TAGS, *words)
    weights.unlink()
    gone = cm.script(TAGS, *words)

    assert f"run there has another model file ({weights})" in other.output
    assert "its file m.data cannot be read (there is no such file)" in gone.output
    assert (other.code, gone.code) == (1, 1)


def _broken_model(folder: Path) -> tuple[str, str]:
    path = folder / "broken.onnx"
    path.write_bytes(MODELS["dense"].read_bytes()[:1000])
    return f"--model_path={path}", "broken.onnx"


def _foreign_model(folder: Path) -> tuple[str, str]:
    onnx = pytest.importorskip("onnx")
    helper, path = onnx.helper, folder / "image.onnx"
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3])
    scores = helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [1, 3])
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["scores"])], "g", [image], [scores])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7), path)
    return f"--model_path={path}", "image"


def _absent_model(folder: Path) -> tuple[str, str]:
    return f"--model_path={folder / 'absent.onnx'}", "nothing is there"


def _empty_dataset(folder: Path) -> tuple[str, str]:
    path = folder / "empty.json"
    path.write_text('{"version": "1.1", "data": []}')
    return f"--dataset_path={path}", "empty.json"


def _malformed_dataset(folder: Path) -> tuple[str, str]:
    path = folder / "malformed.json"
    path.write_text('{"version": "1.1", "data": [{"title": "t", "paragraphs": [{"qas": []}]}]}')
    return f"--dataset_path={path}", "/data/0/paragraphs/0"


def _other_vocabulary(folder: Path) -> tuple[str, str]:
    path = folder / "vocab.txt"
    path.write_text("only\nwords\n")
    return f"--vocab_path={path}", "vocab.txt"


def _results_in_a_file(folder: Path) -> tuple[str, str]:
    path = folder / "a-file"
    path.write_text("")
    return f"--results_dir={path}/results", "cannot be written"


def _bad_lengths(_folder: Path) -> tuple[str, str]:
    return "--env.DEEPSPARSE_SEQLENS=256,128", "must ascend"


@pytest.mark.parametrize(
    "wrong",
    [
        _broken_model,
        _foreign_model,
        _absent_model,
        _empty_dataset,
        _malformed_dataset,
        _other_vocabulary,
        _results_in_a_file,
        _bad_lengths,
    ],
)
def test_bad_input_is_named_and_leaves_no_result(cm: Cm, small: list[str], tmp_path: Path, wrong: object) -> None:
    option, expected = wrong(tmp_path)
    backend = "--backend=onnxruntime" if wrong in (_broken_model, _foreign_model) else "--backend=echo"

    ended = cm.script(TAGS, *replaced(small, option, backend))

    assert ended.code != 0
    assert expected in ended.output
    assert "Traceback" not in ended.output
    assert not results(tmp_path)


def _wait_for(process: subprocess.Popen[str], words: str) -> None:
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"ended before it printed {words!r}")


@pytest.fixture
def hanging(cm: Cm, small: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Yield a run whose engine hangs in its first call, under LoadGen."""
    process = cm.start("run", "script", f"--tags={TAGS}", *small, '--env.CM_MLPERF_BACKEND_OPTIONS={"hang_on_call": 1}')
    _wait_for(process, "LoadGen runs")
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _workers(home: Path) -> list[int]:
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "mlperf_home.harness" in words and str(home.parent) in words:
                pids.append(int(entry.name))
    return sorted(pids)


def test_ctrl_c_ends_all_processes_and_keeps_no_partial_result(
    cm: Cm, small: list[str], hanging: subprocess.Popen[str], tmp_path: Path
) -> None:
    hanging.send_signal(signal.SIGINT)
    out, err = hanging.communicate()

    assert hanging.returncode == 130, out + err
    assert "Traceback" not in out + err
    assert not _workers(cm.home)
    assert not list((tmp_path / "results").rglob("mlperf_log_*"))
    assert cm.script(TAGS, *small).code == 0


def test_ctrl_c_twice_at_once_is_answered_by_one_line(cm: Cm, hanging: subprocess.Popen[str]) -> None:
    for _ in range(2):
        os.killpg(hanging.pid, signal.SIGINT)
    out, err = hanging.communicate()

    assert hanging.returncode == 130, out + err
    assert (out + err).count("CM error: interrupted") == 1
    assert "Traceback" not in out + err
    assert not _workers(cm.home)


def test_the_signal_that_killed_an_engine_is_named(cm: Cm, hanging: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(_workers(cm.home)[-1], signal.SIGKILL)
    out, err = hanging.communicate()

    assert hanging.returncode not in (0, None)
    assert "SIGKILL" in out + err
    assert "Traceback" not in out + err
    assert not list((tmp_path / "results").rglob("mlperf_log_*"))


def _noting(lines: Iterable[str], noted: list[str]) -> Iterator[str]:
    for line in lines:
        noted.append(line)
        yield line


def test_a_second_run_waits_until_the_first_has_measured(
    cm: Cm, small: list[str], hanging: subprocess.Popen[str]
) -> None:
    second = cm.start("run", "script", f"--tags={TAGS}", *small)
    assert second.stderr is not None
    lines = []
    assert any("a measurement runs alone: waiting for" in line for line in _noting(second.stderr, lines))
    assert f"--tags={TAGS}" in lines[-1]
    assert second.poll() is None

    hanging.send_signal(signal.SIGINT)
    hanging.communicate()
    out, err = second.communicate()

    assert second.returncode == 0, out + err
