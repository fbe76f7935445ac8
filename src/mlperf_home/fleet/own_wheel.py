"""Our own wheel, packed from the running installation or checkout: nothing has to be built or fetched."""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.fleet.program import archive_of
from mlperf_home.product import PRODUCT
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = Path(__file__).resolve().parents[2]
_OWN = ("scriptgraph", "mlperf_home")
# As setup.py places the folders of a checkout.
_FOLDERS = {"cm-repo": "automation", "script": "script", "challenge": "challenge"}
_INIT = b'"""The CM repository of mlperf-home: data only."""\n'


class WheelError(LocatedError):
    """The installation cannot be packed."""


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel of this installation into a folder, and return its path.

    Raises:
        WheelError: the installation has no metadata.
    """
    try:
        distribution = metadata.distribution(PRODUCT.name)
    except metadata.PackageNotFoundError:
        raise WheelError(PRODUCT.name, "is not installed", "run it from an installation, as by pip install") from None
    version = distribution.version
    stem = f"{PRODUCT.name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    files = dict(_package_files())
    files[f"{about}/METADATA"] = (distribution.read_text("METADATA") or _metadata(version)).encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: mlperf-home\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{about}/entry_points.txt"] = b"[console_scripts]\nmlperf-home = mlperf_home.__main__:main\n"
    record = "".join(f"{name},sha256={_record_hash(data)},{len(data)}\n" for name, data in sorted(files.items()))
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    path = folder / f"{stem}-py3-none-any.whl"
    replace_bytes(path, archive_of(files))
    return path


def _package_files() -> Iterator[tuple[str, bytes]]:
    for package in _OWN:
        yield from _files_below(_PACKAGES / package, package)
    if (PRODUCT.checkout / "cmr.yaml").is_file():
        for source, name in _FOLDERS.items():
            yield from _files_below(PRODUCT.checkout / source, f"{PRODUCT.repository}/{name}")
        yield f"{PRODUCT.repository}/cmr.yaml", (PRODUCT.checkout / "cmr.yaml").read_bytes()
        yield f"{PRODUCT.repository}/__init__.py", _INIT
    else:
        yield from _files_below(_PACKAGES / PRODUCT.repository, PRODUCT.repository)


def _files_below(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _metadata(version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {PRODUCT.name}\nVersion: {version}\n"


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
