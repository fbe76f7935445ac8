"""A repository with a tiny challenge, run by `cm ... challenge` with simulated scripts."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission_results import ours
from tiny_scripts import ScriptFolders

from mlperf_home.challenges import commands
from mlperf_home.product import ENGINE
from scriptgraph.catalog.repositories import Repositories

if TYPE_CHECKING:
    import pytest

NAME = "tiny@home-v1.0"
INPUTS = ("results_dir", "experiments_dir", "hw_name", "colour")
OPEN, CLOSED = date(2026, 5, 1), date(2026, 11, 27)


def document(**changes: Any) -> dict[str, Any]:
    """Return a challenge's manifest."""

    def mode(tags: str) -> dict[str, Any]:
        options = {"results_dir": "{results_dir}", "hw_name": "{hw_name}", "colour": "{colour}"}
        return {"tags": tags, "options": options, "needs": {"disk_gb": 0.001}}

    return {
        "alias": NAME,
        "uid": "00112233445566aa",
        "automation_alias": "challenge",
        "automation_uid": "9f2d61b07c3e4a58",
        "title": "A tiny challenge",
        "tags": ["tiny", "mlperf"],
        "opened": "2026-04-01",
        "closed": "2026-06-30",
        "points": 1,
        "rules": ["Be quick."],
        "metrics": [
            {"name": "samples_per_second", "benchmark": "bert-99", "better": "more"},
            {"name": "f1_percent", "benchmark": "bert-99", "better": "more"},
        ],
        "options": {"colour": "any colour"},
        "workflows": [
            {"name": "first", "title": "the first", "official": mode("run,first"), "sample": mode("run,first,_sample")},
            {
                "name": "second",
                "title": "the second",
                "official": mode("run,second"),
                "sample": mode("run,second,_sample"),
            },
        ],
    } | changes


@dataclass
class ChallengeHome:
    """A repository and a home folder for simulated runs of a challenge.

    Attributes:
        root: the repository.
        home: cache and records.
        ran: the commands run so far, in order.
        failing: errors of failing commands, by tags.
    """

    root: Path
    home: Path
    patch: pytest.MonkeyPatch
    ran: list[dict[str, Any]] = field(default_factory=list)
    failing: dict[str, str] = field(default_factory=dict)

    def write(self, **changes: Any) -> Path:
        """Write the challenge's manifest."""
        manifest = document(**changes)
        folder = self.root / "challenge" / manifest["alias"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "_cm.json").write_text(json.dumps(manifest), encoding="utf-8")
        return folder

    def at(self, day: date) -> None:
        """Set today's date."""
        self.patch.setattr(commands, "_today", lambda: day)

    def __call__(self, action: str, name: str = NAME, **options: Any) -> dict[str, Any]:
        """Run `cm ACTION challenge NAME`."""
        home = {"home": str(self.home)} if action in {"run", "replay"} else {}
        command = {"artifact": name, "out": None, "cmd": [], **home, **options}
        return commands.answer(action, command)

    def run_script(self, command: dict[str, Any]) -> dict[str, Any]:
        """Simulate a script: write results and a record."""
        self.ran.append(dict(command))
        started_ns = time.time_ns()
        tags = str(command["tags"])
        if tags in self.failing:
            if self.failing[tags] == "Ctrl-C":
                return {"return": 130, "error": "interrupted"}
            return {"return": 1, "error": self.failing[tags]}
        shutil.rmtree(command["results_dir"], ignore_errors=True)
        ours(Path(command["results_dir"]), sample="_sample" in tags)
        folder = self.home / "records" / f"{len(self.ran):03}"
        folder.mkdir(parents=True, exist_ok=True)
        plan = [{"title": "detect-cpu", "alias": "detect-cpu", "version": "", "manifest": "ab" * 32, "env": {}}]
        record = {
            "schema": "mlperf-home/record/1",
            "request": {
                "tags": tags,
                "argv": [f"--results_dir={command['results_dir']}"],
                "inputs": {name: command[name] for name in INPUTS if name in command},
                "env": {},
            },
            "status": "done",
            "start_ns": started_ns,
            "end_ns": time.time_ns(),
            "plan": plan,
            "plan_fingerprint": "cd" * 32,
            "exports": {"CM_PLACE": f"{Path.home()}/secret/place"},
        }
        (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")
        return {"return": 0, "record": str(folder / "record.json")}

    def bundle(self, **options: Any) -> Path:
        """Run on the sample; return the bundle."""
        answer = self("run", sample=True, **options)
        assert answer["return"] == 0, answer
        return Path(answer["bundle"])


def challenge_home(folder: Path, patch: pytest.MonkeyPatch) -> ChallengeHome:
    """Return a home with an open, locked challenge."""
    made = ChallengeHome(folder / "repository", folder / "home", patch)
    scripts = ScriptFolders(made.root)
    for name in ("first", "second"):
        inputs = {key: {"env": f"CM_{key.upper()}"} for key in ("results_dir", "hw_name", "colour")}
        variations = {"sample": {"description": "the sample"}}
        scripts.add(name, "", tags=["run", name], inputs=inputs, variations=variations)
    made.write()
    patch.setattr(ENGINE, "repositories", lambda: Repositories((made.root,), ()))
    patch.setattr(ENGINE, "run_script", made.run_script)
    made.at(OPEN)
    assert made("run", lock=True)["return"] == 0
    return made


def report_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Read the report named in a run's answer."""
    return json.loads(Path(answer["report"]).with_suffix(".json").read_text())
