"""Complete runs with the real LoadGen and the stub engine, each in its own process."""

from __future__ import annotations

import json
import os
import select
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness_jobs import SHORT

from mlperf_home.challenges.verification.latency_checks import latency_problems
from mlperf_home.contracts.runs.failures import ExitStatus
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.latencies.series import read_series
from mlperf_home.loadgen_logs.run_log import read_run
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import from_json, to_json
from mlperf_home.rules import load_round, mlperf_conf

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from harness_jobs import JobFolder, MakeJob

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")

LOGS = ["mlperf_log_accuracy.json", "mlperf_log_detail.txt", "mlperf_log_summary.txt"]


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream", "MultiStream", "Server"])
def test_a_performance_run_is_complete(make_job: MakeJob, scenario: str) -> None:
    job = make_job(scenario)
    status, progress, _ = job.run()
    assert status == ExitStatus.COMPLETE
    assert [line["event"] for line in progress] == ["opening", "opened", "running", "finished", "complete"]
    assert progress[-1]["validity"] == "VALID"
    session = job.session
    assert session["result"] == {"validity": "VALID", "reasons": []}
    assert session["counts"]["samples_completed"] == session["counts"]["samples_issued"] > 0
    seeds = load_round("v3.1").seeds
    assert session["loadgen"]["settings"]["qsl_rng_seed"] == seeds.qsl_rng_seed
    assert session["loadgen"]["settings"]["schedule_rng_seed"] == seeds.schedule_rng_seed
    assert session["sample"] is True
    files = ["latencies.json", *LOGS]
    assert sorted(path.name for path in job.out_dir.iterdir()) == files == sorted(session["logs"])
    assert job.leftovers() == sorted(["performance/run_1", "session.json"] + [f"performance/run_1/{n}" for n in files])


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream", "MultiStream", "Server"])
def test_kept_times_agree_with_the_log(make_job: MakeJob, scenario: str) -> None:
    job = make_job(scenario).set_options(call_s=0.001)
    assert job.run()[0] == ExitStatus.COMPLETE
    session, logged = read_session(job.root / "session.json"), read_run(job.out_dir)
    assert list(latency_problems(session, job.out_dir, logged)) == []
    series = read_series(job.out_dir / "latencies.json")
    wanted = {"SingleStream": session.counts.queries - 1, "MultiStream": session.counts.queries}
    assert series.count == wanted.get(scenario, session.counts.samples_completed)


@pytest.mark.parametrize("name", ["v5.1", "v6.0", "v6.1"])
def test_one_loadgen_has_the_seeds_of_every_round(make_job: MakeJob, name: str) -> None:
    rules, job = load_round(name), make_job("SingleStream")
    job.document["round"] = name
    (job.root / "mlperf.conf").write_text(mlperf_conf(rules), "utf-8")
    assert job.run()[0] == ExitStatus.COMPLETE
    settings = read_run(job.out_dir).settings
    assert {key: settings[key] for key in vars(rules.seeds)} == vars(rules.seeds)
    assert job.session["loadgen"]["settings"]["min_query_count"] == SHORT["SingleStream"]["min_query_count"]


def test_test04_repeats_one_sample(make_job: MakeJob) -> None:
    job = make_job("SingleStream", "TEST04")
    job.document["round"] = "v6.1"
    assert job.run()[0] == ExitStatus.COMPLETE
    settings = read_run(job.out_dir).settings
    issue = {key: int(settings[f"performance_issue_{key}"]) for key in ("same", "same_index", "unique")}
    assert issue == {"same": 1, "same_index": 3, "unique": 0}


def test_test01_logs_4096_outputs(make_job: MakeJob) -> None:
    job = make_job("SingleStream", "TEST01")
    job.document["round"] = "v6.1"
    assert job.run()[0] == ExitStatus.COMPLETE
    assert read_run(job.out_dir).settings["accuracy_log_sampling_target"] == 4096
    assert '"data"' in (job.out_dir / "mlperf_log_accuracy.json").read_text("utf-8")


@pytest.mark.parametrize("mode", ["accuracy", "find-performance"])
def test_only_performance_runs_keep_times(make_job: MakeJob, mode: str) -> None:
    job = make_job("SingleStream", mode)
    assert job.run()[0] == ExitStatus.COMPLETE
    assert not (job.out_dir / "latencies.json").exists()


def test_the_session_has_the_state_of_the_machine(make_job: MakeJob) -> None:
    job = make_job("SingleStream")
    assert job.run()[0] == ExitStatus.COMPLETE
    session = job.session
    state = session["state"]
    assert 0 < state["timed_s"]["value"] <= session["times"]["run_s"]
    # From the opening on, every moment is watched.
    assert state["loading_s"]["value"] >= session["times"]["open_s"]
    assert {"loading_steal_percent", "loading_other_cpu_percent"} <= state.keys()
    assert all((reading["value"] is None) == bool(reading["reason"]) for reading in state.values())
    assert session["noise"].keys() == {"noisy_because", "disturbance", "reason"}


def test_an_accuracy_run_has_no_noise(make_job: MakeJob) -> None:
    job = make_job("Offline", "accuracy")
    assert job.run()[0] == ExitStatus.COMPLETE
    assert job.session["noise"] is None


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream", "MultiStream", "Server"])
def test_an_accuracy_run_logs_every_sample_once(make_job: MakeJob, scenario: str) -> None:
    job = make_job(scenario, "accuracy")
    assert job.run()[0] == ExitStatus.COMPLETE
    entries = json.loads((job.out_dir / "mlperf_log_accuracy.json").read_text("utf-8"))
    assert sorted(entry["qsl_idx"] for entry in entries) == list(range(200))
    for entry in entries:
        logits = np.frombuffer(bytes.fromhex(entry["data"]), np.float32).reshape(-1, 2)
        assert logits.shape == (entry["qsl_idx"] % 300 + 10, 2)
        assert (logits[:, 0] == entry["qsl_idx"] + 1).all()
    assert job.session["result"]["validity"] is None


@pytest.mark.parametrize(
    ("scenario", "key"),
    [("Offline", "target_qps"), ("SingleStream", "target_latency_ms"), ("MultiStream", "target_latency_ms")],
)
def test_find_performance_measures_the_target(make_job: MakeJob, scenario: str, key: str) -> None:
    job = make_job(scenario, "find-performance")
    assert job.run()[0] == ExitStatus.COMPLETE
    assert job.session["target"].keys() == {key}
    assert job.session["target"][key] > 0


def test_find_performance_searches_the_server_rate(make_job: MakeJob) -> None:
    job = make_job("Server", "find-performance")
    job.set_conf("bert.Server.min_duration = 50\nbert.Server.min_query_count = 20\n").set_options(call_s=0.002)
    job.document["backend"] |= {"batch_sizes": [1], "streams": 1}
    status, _, message = job.run()
    assert status == ExitStatus.COMPLETE, message
    assert job.session["target"]["target_qps"] > 0


def test_a_small_dataset_is_logged_with_a_warning(make_job: MakeJob) -> None:
    job = make_job()
    assert job.run()[0] == ExitStatus.COMPLETE
    assert job.session["loadgen"]["settings"]["performance_sample_count"] == 200
    assert any("200 samples, but v3.1 requires 10833" in warning for warning in job.session["warnings"])


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"refuse": True}, ExitStatus.BACKEND_REFUSED, "refuses this model"),
        ({"fail_at_call": 3}, ExitStatus.WORKER_FAILED, "RuntimeError: the stub fails"),
        ({"die_at_call": 3}, ExitStatus.KILLED, "ended by SIGKILL: the machine ran out of memory"),
        ({"crash_in_open": True}, ExitStatus.KILLED, "ended by SIGABRT: the engine crashed"),
    ],
)
@pytest.mark.parametrize("scenario", ["Offline", "SingleStream"])
def test_an_engine_failure_has_its_own_status(
    make_job: MakeJob, scenario: str, options: dict[str, Any], status: ExitStatus, words: str
) -> None:
    job = make_job(scenario).set_options(**options)
    code, _, message = job.run()
    assert code == status
    assert message.startswith("mlperf-home: ")
    assert words in message
    assert (job.error["status"], job.error["name"]) == (status, status.name)
    assert job.leftovers() == []


@pytest.mark.parametrize(
    ("scenario", "option"),
    [
        ("Offline", "hang_at_call"),
        ("SingleStream", "hang_at_call"),
        ("Server", "hang_at_call"),
        ("SingleStream", "hang_with_lock_at_call"),
    ],
)
def test_a_hang_ends_the_run_as_stalled(make_job: MakeJob, scenario: str, option: str) -> None:
    job = make_job(scenario).set_options(**{option: 2})
    job.document["stall_timeout_s"] = 0.5
    status, _, message = job.run()
    assert status == ExitStatus.STALLED
    assert "the engine hangs" in message
    assert job.leftovers() == []


def test_a_high_target_latency_is_answered_with_a_lower_one(make_job: MakeJob) -> None:
    job = make_job("SingleStream")
    job.set_conf(
        "bert.SingleStream.target_latency = 1000\nbert.SingleStream.min_duration = 2000\n"
        "bert.SingleStream.min_query_count = 64\n"
    )
    status, _, message = job.run()
    assert status == ExitStatus.LOADGEN_ERROR
    assert "ran out of generated queries" in message
    assert "lower target_latency to 0." in message
    rejected = job.root / "performance" / "run_1.rejected"
    assert (rejected / "mlperf_log_summary.txt").exists()
    assert not job.out_dir.exists()
    assert not (job.root / "session.json").exists()


def test_an_invalid_run_is_complete_with_reasons(make_job: MakeJob) -> None:
    job = make_job("Offline")
    job.set_conf("bert.Offline.target_qps = 1\nbert.Offline.min_duration = 60000\nbert.Offline.min_query_count = 100\n")
    status, progress, _ = job.run()
    assert status == ExitStatus.COMPLETE
    assert progress[-1]["validity"] == "INVALID"
    (reason,) = job.session["result"]["reasons"]
    assert "instead of 60 s" in reason
    assert "raise target_qps" in reason


def test_early_stopping_needs_enough_queries(make_job: MakeJob) -> None:
    job = make_job("MultiStream")
    job.set_conf(
        "bert.MultiStream.target_latency = 1\nbert.MultiStream.min_duration = 0\n"
        "bert.MultiStream.min_query_count = 64\n"
    )
    assert job.run()[0] == ExitStatus.COMPLETE
    (reason,) = job.session["result"]["reasons"]
    assert "at least 662 queries" in reason
    assert "Raise min_query_count" in reason


@pytest.mark.parametrize(
    ("spoil", "status", "words"),
    [
        (lambda job: (job.root / "mlperf.conf").unlink(), ExitStatus.BAD_JOB, "mlperf.conf does not exist"),
        (lambda job: (job.root / "user.conf").unlink(), ExitStatus.BAD_JOB, "user.conf cannot be read"),
        (lambda job: job.set_conf("bert-99.Offline.target_qps = 1\n"), ExitStatus.BAD_JOB, "the model 'bert-99'"),
        (lambda job: (job.root / "audit.config").touch(), ExitStatus.BAD_JOB, "remove it"),
        (lambda job: job.out_dir.mkdir(parents=True), ExitStatus.BAD_OUTPUT, "exists already"),
        (lambda job: (job.root / "performance").touch(), ExitStatus.BAD_OUTPUT, "cannot be written"),
        (lambda job: job.document.update(sample=1), ExitStatus.BAD_JOB, "job.json#/sample: expected `bool`, got `int`"),
        (lambda job: job.document["backend"].update(lengths=[64]), ExitStatus.BAD_DATASET, "longest sequence length"),
        (lambda job: job.document["backend"].update(name="none"), ExitStatus.BACKEND_REFUSED, "use one of"),
        (lambda job: job.document["backend"].update(name="no:Such"), ExitStatus.BAD_JOB, "cannot be imported"),
        (
            lambda job: job.document["dataset"].update(kind="squid"),
            ExitStatus.BAD_JOB,
            "must be one of imagenet, squad",
        ),
        (lambda job: job.document["dataset"].update(kind="squad"), ExitStatus.BAD_DATASET, "mlperf-home:"),
        (lambda job: job.document["dataset"].update(path="/x/0"), ExitStatus.BAD_DATASET, "is empty"),
    ],
)
def test_bad_input_is_one_line(
    make_job: MakeJob, spoil: Callable[[JobFolder], object], status: ExitStatus, words: str
) -> None:
    job = make_job()
    spoil(job)
    code, _, message = job.run()
    assert (code, words in message) == (status, True), message
    assert not (job.root / "session.json").exists()
    assert not (job.root / "performance" / "run_1.partial").exists()


def test_contradicting_durations_are_refused(make_job: MakeJob) -> None:
    job = make_job("SingleStream")
    job.set_conf("bert.SingleStream.target_latency = 1\nbert.SingleStream.max_duration = 1000\n")
    status, _, message = job.run()
    assert status == ExitStatus.BAD_JOB
    assert "max_duration (1000 ms) is below min_duration (600000 ms)" in message


def test_an_existing_result_is_not_changed(make_job: MakeJob) -> None:
    job = make_job()
    assert job.run()[0] == ExitStatus.COMPLETE
    before = {path: path.read_bytes() for path in job.out_dir.iterdir()} | {job.root: job.session}
    assert job.run()[0] == ExitStatus.BAD_OUTPUT
    assert before == {path: path.read_bytes() for path in job.out_dir.iterdir()} | {job.root: job.session}


def wait_until_running(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "running":
            return
    pytest.fail("the run never began")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, ExitStatus.INTERRUPTED), (signal.SIGTERM, ExitStatus.TERMINATED)]
)
@pytest.mark.parametrize("option", ["hang_at_call", "hang_with_lock_at_call"])
def test_an_interrupted_run_leaves_nothing(make_job: MakeJob, number: int, status: ExitStatus, option: str) -> None:
    job = make_job("SingleStream").set_options(**{option: 2})
    process = job.start()
    wait_until_running(process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err.splitlines()[-1].startswith("mlperf-home: the run was ended by SIG")
    assert "Traceback" not in err
    assert job.leftovers() == []


def test_the_engine_dies_with_its_parent(make_job: MakeJob) -> None:
    job = make_job("SingleStream").set_options(hang_at_call=2)
    process = job.start()
    wait_until_running(process)
    engine = os.pidfd_open(int((job.root / "work" / "pid").read_text("ascii")))
    process.kill()
    process.communicate(timeout=60)
    # The descriptor becomes readable when that process ends.
    assert select.select([engine], [], [], 60)[0] == [engine]
    os.close(engine)
    assert not job.out_dir.exists()
    assert not (job.root / "session.json").exists()


def test_leftovers_of_a_killed_run_are_removed(make_job: MakeJob) -> None:
    job = make_job()
    partial = job.root / "performance" / "run_1.partial"
    partial.mkdir(parents=True)
    (partial / "mlperf_log_summary.txt").write_text("old", "utf-8")
    assert job.run()[0] == ExitStatus.COMPLETE
    assert not partial.exists()


def test_two_runs_cannot_write_to_one_folder(make_job: MakeJob) -> None:
    job = make_job("SingleStream").set_options(hang_at_call=2)
    first = job.start()
    wait_until_running(first)
    status, _, message = job.run()
    assert status == ExitStatus.BAD_OUTPUT
    assert "another run is writing there" in message
    assert (job.root / "performance" / "run_1.partial").is_dir()
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == ExitStatus.TERMINATED


def test_both_runs_become_a_measurement(make_job: MakeJob) -> None:
    job = make_job()
    for mode, folder in (("performance", "performance/run_1"), ("accuracy", "accuracy")):
        job.document |= {
            "mode": mode,
            "out_dir": str(job.root / folder),
            "session_path": str(job.root / f"{mode}-session.json"),
        }
        assert job.run()[0] == ExitStatus.COMPLETE
    (job.root / "accuracy" / "accuracy.txt").write_text('{"exact_match": 83.58, "f1": 90.18}\n', "utf-8")
    measurement = ingest(job.root)
    rate = measurement.values["samples_per_second"].value
    assert isinstance(rate, float | int)
    assert rate > 0
    assert (measurement.validity, measurement.values["f1_percent"].value) == ("VALID", 90.18)
    assert measurement.sample
    assert from_json(to_json(measurement)) == measurement


def test_a_time_limit_ends_a_run_and_reports_its_progress(make_job: MakeJob) -> None:
    job = make_job(mode="find-performance").set_options(call_s=0.2)
    job.document["time_limit_s"] = 3
    job.set_conf("bert.Offline.target_qps = 100\nbert.Offline.min_query_count = 100000\n")

    status, _, message = job.run()

    assert status == ExitStatus.OVER_TIME
    assert "ended at its time limit of 3 s: LoadGen had completed" in message
    assert "--time_limit" in message
    assert 0 < job.error["done"]["samples"] < job.error["done"]["issued"]
    assert job.error["done"]["seconds"] > 0
    assert job.leftovers() == []


def test_a_time_limit_ends_a_hanging_open(make_job: MakeJob) -> None:
    job = make_job(mode="find-performance").set_options(hang_in_open=True)
    job.document["time_limit_s"] = 0.1

    status, _, message = job.run()

    assert status == ExitStatus.OVER_TIME
    assert "opening and calibrating the engine took longer" in message
    assert job.error["done"] == {}


def test_a_sufficient_time_limit_has_no_effect(make_job: MakeJob) -> None:
    job = make_job(mode="find-performance")
    job.document["time_limit_s"] = 600

    assert job.run()[0] == ExitStatus.COMPLETE
    assert job.session["target"]["target_qps"] > 0
