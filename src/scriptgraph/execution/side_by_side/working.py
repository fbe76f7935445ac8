"""The runs that hold the lock of measurements: each leaves a note, so that a waiting run can name it."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import DocumentError
from scriptgraph.execution.durations import duration_text
from scriptgraph.files.atomic import replace_bytes
from scriptgraph.files.json_reader import read_json
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_NAMED = 2
_LONGEST_COMMAND = 100
_numbers = count(1)


class Work(Immutable):
    """The work of a run: its command, the step, and how long it is expected to last in words ("" if unknown)."""

    command: Sequence[str] = ()
    step: str = ""
    expected: str = ""


@contextmanager
def noted(folder: Path, work: Work) -> Iterator[None]:
    """Leave a note of the work in a folder while the block runs."""
    note = folder / f"{os.getpid()}-{next(_numbers)}.json"
    document = {
        "command": " ".join(work.command), "step": work.step, "expected": work.expected, "since_s": time.time(),
    }  # fmt: skip
    # A note only serves people who wait.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        replace_bytes(note, json.dumps(document).encode())
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)


def others_at_work(folder: Path, now_s: float) -> str:
    """Return the work of other living processes in words: "cm run script ... (step, for 3 min, about 8 min left)"."""
    named = []
    for note in sorted(folder.glob("*.json")):
        pid = int(text) if (text := note.name.partition("-")[0]).isdecimal() else 0
        if pid == os.getpid() or not Path(f"/proc/{pid}").exists():
            continue
        with suppress(DocumentError):
            named.append(_words(read_json(note), now_s))
    if not named:
        return "another run"
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return " and ".join(named[:_MOST_NAMED]) + more


def _words(document: object, now_s: float) -> str:
    kept = document if isinstance(document, dict) else {}
    command, since = str(kept.get("command") or "a run"), kept.get("since_s")
    short = command if len(command) <= _LONGEST_COMMAND else f"{command[:_LONGEST_COMMAND]}..."
    parts = [str(kept[key]) for key in ("step",) if kept.get(key)]
    if isinstance(since, int | float):
        parts.append(f"for {duration_text(max(0.0, now_s - since))}")
    parts += [f"{kept['expected']} in all"] if kept.get("expected") else []
    return f"{short} ({', '.join(parts)})" if parts else short
