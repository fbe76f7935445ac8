"""Experiments with the real cm: run, shown, replayed, imported, removed."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from answers import answer, standing

from mlperf_home.samples.bert import MODELS
from mlperf_home.samples.questions import write_sample

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

COLUMNS = (
    "round,organization,platform,system,cpu,sockets,cores,framework,family,multiplier,resolution,precision,top1,"
    "latency_ms,energy_mj"
)


def test_a_grid_is_run_shown_replayed_and_removed(cm: Cm, tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")
    pytest.importorskip("tokenizers", reason="the tokeniser is not installed in this Python")
    files = write_sample(tmp_path / "small", questions=40)
    command = [
        *("cm", "run", "script", "--tags=run,mlperf,bert-99,deepsparse,_performance-only", "--backend=echo"),
        *("--execution_mode=test", "--test_query_count={{QUERIES}}", f"--model_path={MODELS['dense']}"),
        f"--dataset_path={files.dataset}",
        f"--vocab_path={files.vocabulary}",
        f"--results_dir={tmp_path}/results/{{{{POINT}}}}",
        f"--adr.workload-environment.environment={sys.executable}",
    ]

    ran = cm("run", "experiment", "queries", "--tags=try", '--explore={"QUERIES": [60, 80]}', "--", *command)
    again = cm("run", "experiment", "queries", "--tags=try", '--explore={"QUERIES": [60, 80]}', "--", *command)
    shown = cm(
        *("show", "experiment", "queries", "--metrics=explored_QUERIES,query_count"),
        "--derive=per_core = samples_per_second / cores; per_gb = samples_per_second / memory_total_bytes * 1000000000",
        "--out=json",
    )
    replayed = cm("replay", "experiment", "queries")
    found = cm("find", "experiment", "--tags=try", "--out=json").document

    assert ran.code == 0, ran.output
    assert "1 measured" in ran.out
    assert again.out.count("(before)") == 2
    (rows,) = (each["measurements"] for each in shown.document["experiments"])
    assert [each["values"]["explored_QUERIES"]["value"] for each in rows] == [60, 80]
    assert all(each["values"]["per_core"]["value"] or each["system"]["cores"]["value"] is None for each in rows)
    assert replayed.code == 0, replayed.output
    assert "queries and queries-replay-1" in replayed.out
    assert [(each["name"], each["measurements"]) for each in found["experiments"]] == [
        ("queries", 2),
        ("queries-replay-1", 2),
    ]
    refused = cm("rm", "experiment", "queries")
    assert refused.code != 0
    assert "add -f" in refused.output
    assert cm("rm", "experiment", "--tags=try", "-f").code == 0
    assert cm("find", "experiment", "--out=json").document["experiments"] == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_grid_resumes(cm: Cm, tmp_path: Path, number: signal.Signals) -> None:
    os.mkfifo(tmp_path / "pipe")
    code = (
        "import pathlib, sys; n, d = sys.argv[1], pathlib.Path(sys.argv[2]); (d / ('ran-' + n)).open('a').write('x');"
        "n == '2' and not (d / 'go').exists() and (d / 'pipe').open().read()"
    )
    explored = ("run", "experiment", "stopped", '--explore={"N": [1, 2, 3]}', "--")
    command = (*explored, sys.executable, "-c", code, "{{N}}", str(tmp_path))

    started = cm.start(*command)
    assert started.stderr is not None
    assert any("2 of 3" in line for line in started.stderr)
    with (tmp_path / "pipe").open("w"):  # the second point waits for the pipe
        started.send_signal(number)
        started.communicate()
    (tmp_path / "go").touch()
    shown = cm("show", "experiment", "stopped")
    ended = cm(*command)

    assert "N=1" in shown.out
    assert "N=2" not in shown.out
    assert ended.code == 0, ended.output
    assert ended.out.count("(before)") == 1
    assert [(tmp_path / f"ran-{n}").read_text() for n in (1, 2, 3)] == ["x", "xx", "x"]


def test_a_published_table_is_imported_once_and_has_a_front(cm: Cm, tmp_path: Path) -> None:
    table = tmp_path / "world.csv"
    rows = [
        f"v3.1,Org,box,Box,CPU,2,4,TFLite,mobilenet-v1,1.0,{n},fp32,{t},{ms},"
        for n, t, ms in ((128, 65, 4), (224, 71, 9), (160, 60, 8))
    ]
    table.write_text("\n".join([COLUMNS, *rows]) + "\n")

    first, second = (cm.script("import,mlperf,results", f"--input={table}") for _ in range(2))
    shown = cm("show", "experiment", "world", "--pareto")
    per_core = cm("show", "experiment", "world", "--derive=c = 1*cores", "--metrics=c")

    assert "3 from a published table, 3 of them new" in first.out
    assert "3 from a published table, 0 of them new" in second.out
    assert "world: resnet, SingleStream: 2 of 3 are on the front" in shown.out
    assert "mobilenet-v1/1.0/160/fp32" not in shown.out
    assert per_core.out.splitlines()[-1].split()[-1] == "8"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "experiment", "x", '--explore={"N":[1]}'), "no command: write it after --"),
        (("run", "experiment", "x", "--", "echo"), "use --explore=JSON or --explore_file=FILE"),
        (("run", "experiment", "x", "--explor=1", "--", "echo"), "did you mean --explore?"),
        (("run", "experiment", "../x", '--explore={"N":[1]}', "--", "echo", "{{N}}"), "is not a name"),
        (("show", "experiment", "mine"), "there is no experiment 'mine'; there are: none yet"),
        (("run", "experiment", "x", "--explore=@no.json", "--", "echo"), "no.json: cannot be read"),
        (("run", "experiment", "x", "--rerun=perhaps", "--", "echo"), "--rerun=perhaps: must be yes or no"),
        (("show", "experiment", "--derive=a=open(1)"), "character 1: calls a function"),
        (("show", "experiment", "mine", "--tags=yours"), "give a name or tags, not both"),
        (("show", "experiment", "--pareto", "--sort=latency_ms"), "remove --sort or --pareto"),
        (("show", "experiment", "--prices=no.json"), "no.json: cannot be read"),
        (("rm", "experiment", "-f"), "which experiment?"),
        (("replay", "experiment"), "which experiment?"),
        (("replay", "experiment", "mine", "--tags=a"), "--tags: is not an option of this command"),
        (("run", "script", "--tags=import,mlperf,results"), "--input: is missing"),
    ],
)
def test_a_mistake_is_an_error_of_one_line(cm: Cm, words: tuple[str, ...], message: str) -> None:
    ended = cm(*words)

    assert ended.code != 0
    assert message in ended.output
    assert "Traceback" not in ended.output


def test_the_answer_of_an_exploration_is_shown(cm: Cm) -> None:
    folder = cm.home / "mlperf-home" / "experiments" / "race"
    folder.mkdir(parents=True)
    about = {"schema": 1, "name": "race", "kind": "exploration", "tags": ["mobilenet"], "sample": True}
    (folder / "experiment.json").write_text(
        json.dumps({**about, "made_by": {}, "created": "2026-01-01T00:00:00+00:00"})
    )
    point = standing("a", 1.0, intervals={"latency_ms": [0.9, 1.1]})
    document = answer([point], [{**point, "point": "c", "against": ["b"]}])
    (folder / "answer.json").write_text(json.dumps(document))

    shown = cm("show", "experiment", "--tags=mobilenet", "--pareto")

    assert shown.code == 0, shown.output
    for words in ("SAMPLE, no MLPerf results", "front (1)", "1 (0.9 to 1.1)", "undecided (0)", "dominated by", "10.0%"):
        assert words in shown.out
