"""Start the real `cm` in a subprocess, with private folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CM = Path(sys.executable).with_name("cm")


@dataclass(frozen=True)
class Ended:
    """The exit status and the outputs of a command that has ended."""

    code: int
    out: str
    err: str

    @property
    def output(self) -> str:
        """Both outputs."""
        return self.out + self.err

    @property
    def document(self) -> dict:
        """The document that --out=json printed."""
        return json.loads(self.out[self.out.index("{") :])


class Cm:
    """Runs `cm` with a private CM_REPOS."""

    def __init__(self, home: Path, program: Path = CM) -> None:
        self.home, self.program = home, program
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("CM_")}
        self.environment |= {"CM_REPOS": str(home), "COLUMNS": "200", "NO_COLOR": "1"}
        self.environment.pop("PYTHONPATH", None)

    def start(self, *words: str, **extra: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [str(self.program), *words],
            env={**self.environment, **extra},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *words: str, **extra: str) -> Ended:
        """Run a command to its end."""
        process = self.start(*words, **extra)
        out, err = process.communicate()
        return Ended(process.returncode, out, err)

    def script(self, tags: str, *words: str, **extra: str) -> Ended:
        """Run `cm run script --tags=...`."""
        return self("run", "script", f"--tags={tags}", *words, **extra)


def fresh_cm(home: Path) -> Cm:
    """Return a `cm` with an empty CM_REPOS; skip the test where it is not installed."""
    if not CM.exists():
        pytest.skip("cm is not installed beside this Python: pip install '.[test]'")
    home.mkdir()
    started = Cm(home)
    if find_spec("cm_mlperf_home") is None:  # a checkout that is not installed must be registered
        assert started("add", "repo", f"--path={CHECKOUT}").code == 0
    return started
