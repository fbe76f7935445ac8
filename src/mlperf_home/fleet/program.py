"""The archive that carries `machine_side` to a machine: one file that any Python from 3.10 runs."""

from __future__ import annotations

from pathlib import Path

from scriptgraph.files.atomic import replace_bytes
from scriptgraph.files.zip_writer import archive_of

_ROOT = Path(__file__).resolve().parents[2]
_START = "from mlperf_home.fleet.machine_side.__main__ import main\n\nmain()\n"


def write_program(path: Path) -> None:
    """Write the archive."""
    side = Path(__file__).parent / "machine_side"
    files = {each.relative_to(_ROOT).as_posix(): each.read_bytes() for each in sorted(side.glob("*.py"))}
    packages = ("mlperf_home", "mlperf_home/fleet")
    inits = {f"{name}/__init__.py": b"" for name in packages}
    replace_bytes(path, archive_of({"__main__.py": _START.encode(), **inits, **files}))
