"""A cluster of Slurm's programs: sbatch runs jobs here, at once unless they are held; squeue and scancel know them.

Each job has a folder with the file that sbatch was called with, its name, and a lock that its processes hold.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_PROGRAM = """#!{python}
import sys
sys.path.insert(0, {support!r})
from pathlib import Path
from fake_slurm import Cluster
Cluster(Path({root!r})).{name}(sys.argv[1:])
"""
_SILENT = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


class Cluster:
    """The programs' folder and state."""

    def __init__(self, root: Path) -> None:
        self.root, self.programs, self.jobs = root, root / "programs", root / "jobs"

    def make(self) -> Cluster:
        """Write the programs."""
        for folder in (self.programs, self.jobs):
            folder.mkdir(parents=True)
        for name in ("sbatch", "srun", "squeue", "scancel"):
            values = {"python": sys.executable, "support": str(Path(__file__).parent), "root": str(self.root)}
            (self.programs / name).write_text(_PROGRAM.format(name=name, **values), encoding="utf-8")
            (self.programs / name).chmod(0o755)
        return self

    @property
    def path(self) -> str:
        """The value of PATH with these programs first."""
        return f"{self.programs}:{os.environ['PATH']}"

    def switch(self, name: str, *, on: bool) -> None:
        """Hold new jobs (`hold`), answer nothing (`down`), or refuse jobs (`refuse`)."""
        mark = self.root / name
        mark.touch() if on else mark.unlink(missing_ok=True)

    def scripts(self) -> list[str]:
        """Return the files of all jobs, in their order."""
        folders = sorted(self.jobs.iterdir(), key=lambda each: int(each.name))
        return [(each / "script").read_text(encoding="utf-8") for each in folders]

    def running(self) -> list[str]:
        """Return the numbers of jobs that have not ended."""
        return [each.name for each in sorted(self.jobs.iterdir()) if _state(each)]

    def begin(self, number: str) -> None:
        """Begin a job that was held."""
        _begin(self.jobs / number)
        (self.jobs / number / "held").unlink()

    def kill(self, number: str) -> None:
        """Kill a job's processes, as a node that is lost."""
        with suppress(ProcessLookupError):
            os.killpg(int((self.jobs / number / "group").read_text(encoding="ascii")), signal.SIGKILL)
        self.await_end(number)

    def await_end(self, number: str) -> None:
        """Wait until a job's processes have ended."""
        with (self.jobs / number / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    def sbatch(self, words: list[str]) -> None:
        """Submit a job, or test one."""
        self._answer()
        options, script = _options(words), words[-1]
        if "--test-only" in options:
            if options.get("--partition") == "none":
                sys.exit("sbatch: error: invalid partition specified: none\nallocation failure: Invalid partition name")
            return
        if (self.root / "refuse").exists():
            sys.exit("sbatch: error: Batch job submission failed: Job violates accounting/QOS policy")
        text = Path(script).read_text(encoding="utf-8")
        lines = _options(line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH "))
        folder = self.jobs / str(len(list(self.jobs.iterdir())) + 1)
        folder.mkdir()
        (folder / "script").write_text(text, encoding="utf-8")
        (folder / "name").write_text(lines["--job-name"], encoding="utf-8")
        if (self.root / "hold").exists():
            (folder / "held").touch()
        else:
            _begin(folder)
        print(f"Submitted batch job {folder.name}")

    def srun(self, words: list[str]) -> None:
        """Run a job's program with its output in files."""
        number, options = os.environ["SLURM_JOB_ID"], dict[str, str]()
        while words[0].startswith("--"):
            name, equals, value = words.pop(0).partition("=")
            options[name] = value if equals or name == "--unbuffered" else words.pop(0)
        for descriptor, name in ((1, "--output"), (2, "--error")):
            path = options[name].replace("%j", number).replace("%t", "0")
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
        os.execvp(words[0], words)  # noqa: S606 - as srun does

    def squeue(self, _words: list[str]) -> None:
        """List the jobs that have not ended."""
        self._answer()
        for folder in sorted(self.jobs.iterdir()):
            if state := _state(folder):
                print(f"{folder.name}|{state}|{'Resources' if state == 'PENDING' else 'None'}|{_name(folder)}")

    def scancel(self, words: list[str]) -> None:
        """End a job."""
        self._answer()
        folder = self.jobs / words[0]
        (folder / "held").unlink(missing_ok=True)
        with suppress(FileNotFoundError, ProcessLookupError):
            os.killpg(int((folder / "group").read_text(encoding="ascii")), signal.SIGTERM)

    def _answer(self) -> None:
        if (self.root / "down").exists():
            sys.exit(_SILENT)


def _begin(folder: Path) -> None:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    path, null = f"{folder.parents[1] / 'programs'}:{os.environ['PATH']}", subprocess.DEVNULL
    environment = {**os.environ, "PATH": path, "SLURM_JOB_ID": folder.name}
    process = subprocess.Popen(
        ["bash", str(folder / "script")], start_new_session=True, pass_fds=(lock,), env=environment,
        stdin=null, stdout=null, stderr=null,
    )  # fmt: skip
    os.close(lock)
    (folder / "group").write_text(str(process.pid), encoding="ascii")


def _state(folder: Path) -> str:
    if (folder / "held").exists():
        return "PENDING"
    if not (folder / "lock").exists():
        return ""
    with (folder / "lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "RUNNING"
    return ""


def _name(folder: Path) -> str:
    return (folder / "name").read_text(encoding="utf-8")


def _options(words: object) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in words)  # type: ignore[attr-defined]
