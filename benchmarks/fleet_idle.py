"""What a fleet costs a machine while it measures: context switches and CPU time of everything of ours there.

    python benchmarks/fleet_idle.py [SECONDS]

A real sshd on the loopback stands for the machine, and a stub that only waits for the command. All processes of the
fleet there are read twice, SECONDS apart: the runner, the one that waits for its lock, its shell, and sshd's own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from fleets import StubFleet
from ssh_machines import ssh_bench

_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Start a unit, watch its machine's processes, and print their counters."""
    seconds = float(sys.argv[1]) if sys.argv[1:] else 60.0
    with tempfile.TemporaryDirectory() as name, ssh_bench(Path(name) / "bench") as bench:
        root = Path(name)
        fleet = StubFleet(bench, root / "home", (bench.add("a").entry(),))
        for each in ("began", "until"):
            os.mkfifo(root / each)
        units = fleet.units(f"--began={root / 'began'}", f"--until={root / 'until'}")
        with fleet.start("run", units) as process:
            (root / "began").read_text(encoding="utf-8")
            time.sleep(3)  # the controller asks for the end of the unit only now
            sshd = bench.machines["a"].process
            found = _processes(root, sshd.pid if sshd else 0)
            before = {each: _counters(each) for each in found}
            time.sleep(seconds)
            after = {each: _counters(each) for each in found}
            (root / "until").write_text("\n", encoding="utf-8")
            process.communicate()
    switches = sum(after[each][0] - before[each][0] for each in found)
    ticks = sum(after[each][1] - before[each][1] for each in found)
    for each, text in found.items():
        print(f"{after[each][0] - before[each][0]:6} switches  {text}")
    share = 100 * ticks / _TICKS / seconds
    print(f"{len(found)} processes, {seconds:g} s: {switches} context switches, {share:.3f} % of a core")


def _processes(root: Path, sshd: int) -> dict[int, str]:
    """Return sshd's descendants, the runner and its command, with their command lines."""
    parents, texts = dict[int, int](), dict[int, str]()
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            process = int(folder.name)
            parents[process] = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            text = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            texts[process] = text[:100]
    ours = {each for each, text in texts.items() if f"{root}/bench/a/fleet" in text and "ssh" not in text}
    for each in texts:
        parent = each
        while parent in parents and parent > 1:
            if parent == sshd:
                ours.add(each)
            parent = parents[parent]
    return {each: texts[each] for each in sorted(ours)}


def _counters(process: int) -> tuple[int, int]:
    """Return the context switches of a process and its CPU time in ticks."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    switches = sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return switches, int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    main()
