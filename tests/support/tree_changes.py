"""Changes to a submission's tree, each a function of the submitter's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from submission_tree import BERT, MOBILENET, SUT, log_line

Change = Callable[[Path], Any]

OFFLINE = f"{SUT}/{BERT}/offline"
STREAM = f"{SUT}/{BERT}/singlestream"
IMAGES = f"{SUT}/{MOBILENET}/singlestream"
INFERRED = f"{SUT}/{MOBILENET}/offline"
PERFORMANCE = f"results/{OFFLINE}/performance/run_1"
ACCURACY = f"results/{OFFLINE}/accuracy"
MEASUREMENTS = f"measurements/{OFFLINE}"
SYSTEM = f"systems/{SUT}.json"


def remove(path: str) -> Change:
    def change(folder: Path) -> None:
        target = folder / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return change


def write(path: str, text: str = "x\n") -> Change:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")

    return change


def move(source: str, target: str) -> Change:
    return lambda folder: (folder / source).rename(folder / target)


def replace(path: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / path).read_text("utf-8")
        assert old in text, f"{old!r} is not in {path}"
        (folder / path).write_text(text.replace(old, new), "utf-8")

    return change


def log(key: str, value: Any, run: str = PERFORMANCE) -> Change:
    """Change a value in a run's detail log; None removes its line."""

    def change(folder: Path) -> None:
        path = folder / run / "mlperf_log_detail.txt"
        lines = path.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if f'"key": "{key}"' not in line]
        path.write_text("".join(kept) + ("" if value is None else log_line(key, value)), "utf-8")
        if value is not None:
            # A summary with the old value would be another finding.
            (path.parent / "mlperf_log_summary.txt").write_text("No errors encountered during test.\n", "utf-8")

    return change


def field(path: str, key: str, value: Any = ...) -> Change:
    """Change a field of a JSON file, or remove it."""

    def change(folder: Path) -> None:
        document = json.loads((folder / path).read_text("utf-8"))
        document.pop(key, None)
        if value is not ...:
            document[key] = value
        (folder / path).write_text(json.dumps(document), "utf-8")

    return change


def big(path: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / path).open("wb") as file:
            file.truncate(50 * 2**20 + 1)

    return change


def append(path: str, text: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def link(path: str) -> Change:
    return lambda folder: (folder / path).symlink_to("nowhere")


def folder_at(path: str) -> Change:
    return lambda folder: (folder / path).mkdir(parents=True)
