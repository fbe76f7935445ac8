"""A short command imports no module that only long ones need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiny_scripts import ScriptFolders

RUN_COMMAND = Path(__file__).parents[1] / "support" / "run_command.py"
# Each import takes milliseconds, of rich and importlib.metadata tens of them; a dataclass takes half of one.
NOT_NEEDED = [
    "rich",
    "requests",
    "uv",
    "packaging",
    "importlib.metadata",
    "subprocess",
    "difflib",
    "shutil",
    "platform",
    "dataclasses",
    "hashlib",
    "scriptgraph.files.control_groups",
]
PROGRAM = f"""
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
sys.stderr.write(" ".join(name for name in {NOT_NEEDED!r} if name in sys.modules))
"""


def test_a_step_without_programs_imports_few_modules(scripts: ScriptFolders, home: Path) -> None:
    scripts.add("kept", "def preprocess(context: Context) -> Done:\n    return Done()", cache=True)
    scripts.add("x", "def preprocess(context: Context) -> Done:\n    return Done()", deps=[{"tags": "kept"}])
    command = json.dumps({"tags": "x", "home": str(home), "quiet": True})
    argv = [sys.executable, "-c", PROGRAM, str(RUN_COMMAND), str(scripts.root), command]

    first, second = (subprocess.run(argv, capture_output=True, text=True, check=True) for _ in range(2))

    assert json.loads(second.stdout)["status"] == "done"
    assert first.stderr == "shutil"  # making an entry needs it
    assert second.stderr == ""
