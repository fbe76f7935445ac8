"""Ten contributors run the sample challenge on this machine, three of them lie, and a board judges them.

Each honest contributor has a throwaway key and a set of cores of its own choice (`taskset`), so that the ten differ.
The liars edit a bundle, send another's logs, and shorten all times in logs that follow from each other. One replays
another's bundle, one withdraws, one is forgotten. Prints a row for each: what it did, and what the board says of it.
The folder keeps what is done; the same command goes on. It takes some 30 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.answer.contributors import contributors, shown_name
from mlperf_home.leaderboard.collect.collector import manifest_digest, stored_rows
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import read_measurement, to_json
from mlperf_home.submission.delivery import pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.leaderboard.store.index import JudgedResult

CHALLENGE, WORKFLOW = "run-mlperf@home-v3.1-cpu", "mobilenets-tflite"
SCALE = 0.67
_TIMES = re.compile(r'("key": "(?:result_\w*latency_ns|result_[\d.]+_percentile_latency_ns|early_stopping_latency_\w+)"'
                    r', "value": )(\d+)')  # fmt: skip
_RATES = re.compile(r'("key": "result_qps_with\w+", "value": )([\d.]+)')


@dataclass(frozen=True)
class Member:
    """A contributor: its name, what it does, its cores, and whose run it takes instead of one of its own."""

    name: str
    does: str
    cores: str
    base: str = ""


@dataclass(frozen=True)
class Row:
    """What became of a contributor on the board, and by what name it is shown there."""

    name: str
    does: str
    cores: str
    shown: str
    became: str
    credited: int


def crowd(cores: Sequence[int]) -> list[Member]:
    """Return the ten, those that others build on first."""
    every, first, last = ",".join(map(str, cores)), str(cores[0]), str(cores[-1])
    return [
        Member("Ada", "honest", every),
        Member("Bob", "honest", every),
        Member("Cleo", "honest", first),
        Member("Dan", "honest", last),
        Member("Heidi", "honest, withdraws", last),
        Member("Frank", "honest, is forgotten", first),
        Member("Mallory", "lies: edits the bundle", every, "Bob"),
        Member("Trudy", "lies: sends Ada's logs", every, "Ada"),
        Member("Ivan", f"lies: all times x {SCALE}", every, "Ada"),
        Member("Grace", "replays Ada's bundle", every, "Ada"),
    ]


@dataclass(frozen=True)
class Stage:
    """The folder of the play, and the program `cm`."""

    folder: Path
    cm: str

    def cm_run(self, *words: str | Path, cores: str = "") -> None:
        """Run a command of cm, on some cores; end the benchmark if it fails."""
        confined = ["taskset", "-c", cores] if cores else []
        argv = [*confined, self.cm, *map(str, words)]
        print("$", *argv, file=sys.stderr)
        subprocess.run(argv, check=True, stdout=sys.stderr)

    def key(self, name: str) -> Path:
        """Return a contributor's key, made once."""
        path = self.folder / "keys" / name.lower()
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
            subprocess.run(words, check=True)
        return path

    def bundle(self, member: Member) -> Path:
        """Return the path of a contributor's bundle."""
        return self.folder / "bundles" / f"{member.name.lower()}.tar.gz"

    def make(self, member: Member) -> None:
        """Make a contributor's bundle."""
        target, run = self.bundle(member), self.folder / "runs" / member.name.lower()
        if target.is_file():
            return
        sender = ("--sign_key", self.key(member.name), "--submitter", member.name)
        words = [f"{name}={value}" for name, value in zip(sender[::2], sender[1::2], strict=True)]
        words += [f"--results_dir={run}", "--skip_probe", "--unlocked", f"--home={self.folder / 'home'}"]
        if member.does.startswith("replays"):
            original = self.folder / "bundles" / f"{member.base.lower()}.tar.gz"
            self.cm_run("replay", "challenge", CHALLENGE, f"--results={original}", "--repeats=1", "--trust", *words,
                        cores=member.cores)  # fmt: skip
        else:
            if member.base and not run.is_dir():
                shutil.copytree(self.folder / "runs" / member.base.lower(), run)
                if member.name == "Ivan":
                    shorten(run)
            self.cm_run("run", "challenge", CHALLENGE, "--sample", f"--only={WORKFLOW}", *words, cores=member.cores)
        target.parent.mkdir(exist_ok=True)
        (edit if "edits" in member.does else shutil.copyfile)(run / "bundle.tar.gz", target)


def edit(bundle: Path, target: Path) -> None:
    """Write a copy of a bundle in which one measurement is twice as fast."""
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        subprocess.run(["tar", "-xzf", str(bundle), "-C", name], check=True)
        root = next(Path(name).iterdir())
        path = min(root.glob("results/*/*/*/*/*/measurement.json"))
        measurement = read_measurement(path)
        latency = measurement.values["latency_ms"]
        values = {**measurement.values, "latency_ms": replace(latency, value=(latency.number or 0.0) / 2)}
        path.write_text(to_json(replace(measurement, values=values)), encoding="utf-8")
        pack(root, target)


def shorten(run: Path) -> None:
    """Shorten all times of a run in its logs, drop the times that the harness kept, and measure anew from the logs."""
    for path in run.glob("results/*/*/*/*/*/measurement.json"):
        folder = path.parent
        (folder / "performance" / "run_1" / "latencies.json").unlink(missing_ok=True)
        for mode, logs in (("performance", folder / "performance" / "run_1"), ("accuracy", folder / "accuracy")):
            detail = logs / "mlperf_log_detail.txt"
            text = _TIMES.sub(lambda found: f"{found[1]}{int(int(found[2]) * SCALE)}", detail.read_text("utf-8"))
            text = _RATES.sub(lambda found: f"{found[1]}{float(found[2]) / SCALE:g}", text)
            # Equal logs would name the one whom they were taken from.
            detail.write_text(re.sub(r'"pid": (\d+)', r'"pid": 1\1', text), encoding="utf-8")
            _renew_session(folder / f"{mode}-session.json", logs)
        old = read_measurement(path)
        model = old.model["name"].value
        new = ingest(folder, old.system, None if model is None else str(model))
        path.write_text(to_json(replace(new, model=old.model)), encoding="utf-8")


def _renew_session(path: Path, logs: Path) -> None:
    session = json.loads(path.read_text("utf-8"))
    session["logs"] = {
        name: {"sha256": sha256_of(logs / name), "bytes": (logs / name).stat().st_size}
        for name in session["logs"]
        if (logs / name).is_file()
    }
    path.write_text(json.dumps(session, indent=1), encoding="utf-8")


def collect(stage: Stage, members: Sequence[Member], batch: str) -> None:
    """Take the bundles of a batch into the board."""
    folder = stage.folder / batch
    folder.mkdir(exist_ok=True)
    for member in members:
        shutil.copyfile(stage.bundle(member), folder / stage.bundle(member).name)
    stage.cm_run("run", "script", "--tags=collect,bundles,_sample", f"--bundles={folder}",
                 f"--board={stage.folder / 'board'}", f"--home={stage.folder / 'home'}")  # fmt: skip


def became(own: Sequence[JudgedResult]) -> str:
    """Return the states of a contributor's results in words; one that has none was refused."""
    counts = Counter(each.judgement.state for each in own)
    return ", ".join(f"{count} {state}" for state, count in counts.most_common()) or "refused"


def outcome(stage: Stage, members: Sequence[Member]) -> list[Row]:
    """Return a row for each contributor."""
    board = Board(stage.folder / "board")
    with closing(BoardIndex(board, stored_rows(board))) as index:
        results = index.results()
        credit = {each.owner: each.credited for each in contributors(results, index.key_facts(), board.names())}
    rows = []
    for member in members:
        bundle = manifest_digest(stage.bundle(member))
        own = [each for each in results if each.result.bundle == bundle]
        shown = shown_name(own[0].result, board.names()) if own else ""
        credited = credit.get(own[0].result.key, 0) if own else 0
        rows.append(Row(member.name, member.does, member.cores, shown, became(own), credited))
    return rows


def main() -> int:
    """Play all parts, and print the table; return 1 if a lie was believed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for keys, runs, bundles, board and pages")
    parser.add_argument("--cm", default=str(Path(sys.executable).with_name("cm")), help="the program cm")
    parser.add_argument("--json", type=Path, default=None, help="also write the rows to this file")
    options = parser.parse_args()
    stage = Stage(options.folder.absolute(), options.cm)
    members = crowd(sorted(os.sched_getaffinity(0)))
    for member in members:
        stage.make(member)
    board, home = f"--board={stage.folder / 'board'}", f"--home={stage.folder / 'home'}"
    first = [each for each in members if each.does.startswith("honest")]
    if not (stage.folder / "board").is_dir():
        collect(stage, first, "first")
        collect(stage, [each for each in members if each not in first], "second")
        heidi = next(each for each in members if each.name == "Heidi")
        stage.cm_run("run", "script", "--tags=withdraw,bundle", f"--bundle={manifest_digest(stage.bundle(heidi))}",
                     f"--sign_key={stage.key('Heidi')}", board, home)  # fmt: skip
        stage.cm_run("run", "script", "--tags=forget,contributor", "--name=Frank", board, home)
    stage.cm_run("show", "board", board, home, "--contributors")
    stage.cm_run("run", "script", "--tags=publish,leaderboard", board, home, f"--out_dir={stage.folder / 'site'}")
    rows = outcome(stage, members)
    print("| who | does | cores | shown as | became | credited |\n|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.name} | {row.does} | {row.cores} | {row.shown} | {row.became} | {row.credited} |")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in rows], indent=1), encoding="utf-8")
    return int(any(row.does.startswith("lies") and row.credited for row in rows))


if __name__ == "__main__":
    sys.exit(main())
