"""The archive that carries `machine_side` to a machine: one file that any Python from 3.10 runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).resolve().parents[2]
_START = "from mlperf_home.fleet.machine_side.__main__ import main\n\nmain()\n"
# The earliest time that a ZIP knows: the same files make the same archive.
_TIME = (1980, 1, 1, 0, 0, 0)


def write_program(path: Path) -> None:
    """Write the archive."""
    side = Path(__file__).parent / "machine_side"
    files = {each.relative_to(_ROOT).as_posix(): each.read_bytes() for each in sorted(side.glob("*.py"))}
    packages = ("mlperf_home", "mlperf_home/fleet")
    inits = {f"{name}/__init__.py": b"" for name in packages}
    replace_bytes(path, archive_of({"__main__.py": _START.encode(), **inits, **files}))


def archive_of(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive of files by name; the same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = compression
            archive.writestr(entry, data)
    return content.getvalue()
