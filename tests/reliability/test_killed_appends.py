"""A store of measurements has all of an import, or nothing of it, whenever its writer is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlperf_home.measurements.storage.index import Index
from mlperf_home.measurements.storage.store import Store

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 25
# Appends batches for ever, and tells each one that is stored. Its writes are short, so that kills fall between them.
WRITER = f"""
import os, sys
from pathlib import Path
from mlperf_home.measurements.measurement import Measurement, Value
from mlperf_home.measurements.storage.store import Store
write = os.write
os.write = lambda descriptor, content: write(descriptor, bytes(content)[:701])
store, batch = Store(Path(sys.argv[1])), int(sys.argv[2])
while True:
    batch += 1
    facts = {{"name": Value(f"m{{batch}}", "copied")}}
    values = [{{"latency_ms": Value(float(number), "copied")}} for number in range({BATCH})]
    store.append([
        Measurement("v3.1", "resnet", "SingleStream", False, "", None, (), (), facts, facts, facts, each, {{}}, ())
        for each in values
    ])
    print(batch, flush=True)
"""


def kill_a_writer(folder: Path, first: int, after: int) -> int:
    """Kill a writer after some batches; return the last batch that it told."""
    command = [sys.executable, "-c", WRITER, str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(after)]
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout if line.endswith("\n")]
    return told[-1]


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.long)])
def test_a_killed_import_is_whole_or_absent(tmp_path: Path, rounds: int) -> None:
    store, told = Store(tmp_path), 0
    for number in range(rounds):
        told = kill_a_writer(tmp_path, 1000 * number, 1 + number % 3)

        damages: list[str] = []
        names = [each.model["name"].value for each in store.measurements(damages)]
        assert damages == []
        assert {name: names.count(name) for name in names} == dict.fromkeys(names, BATCH)
        assert f"m{told}" in names
        with Index(store) as index:
            assert index.count() == len(names)
