"""A product's own wheel, packed from its installation or checkout: nothing has to be built or fetched."""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.files.atomic import replace_bytes
from scriptgraph.files.zip_writer import archive_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptgraph.product import Product

# As setup.py places the folders of a checkout.
_FOLDERS = {"cm-repo": "automation", "script": "script", "challenge": "challenge"}


class WheelError(ScriptGraphError):
    """The installation cannot be packed."""


def write_own_wheel(product: Product, folder: Path) -> Path:
    """Write the wheel of this installation into a folder, and return its path; the same files give the same wheel.

    Raises:
        WheelError: the installation has no metadata.
    """
    try:
        distribution = metadata.distribution(product.name)
    except metadata.PackageNotFoundError:
        raise WheelError(f"{product.name}: is not installed; run it from an installation, as by pip install") from None
    version = distribution.version
    stem = f"{product.name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    checkout = product.checkout if (product.checkout / "cmr.yaml").is_file() else None
    files = dict(_checkout_files(checkout, product.repository) if checkout else _installed_files(distribution))
    files[f"{about}/METADATA"] = (distribution.read_text("METADATA") or _metadata(product.name, version)).encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: scriptgraph\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{about}/entry_points.txt"] = (distribution.read_text("entry_points.txt") or "").encode()
    record = "".join(f"{name},sha256={_record_hash(data)},{len(data)}\n" for name, data in sorted(files.items()))
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    path = folder / f"{stem}-py3-none-any.whl"
    replace_bytes(path, archive_of(files))
    return path


def installed_packages(distribution: metadata.Distribution) -> list[Path]:
    """Return the folders of a distribution's top-level packages, from its list of installed files.

    Its top_level.txt lacks packages generated at build time, such as the CM repository.
    """
    files = distribution.files or ()
    names = {file.parts[0] for file in files if len(file.parts) == 2 and file.name == "__init__.py"}  # noqa: PLR2004
    return [Path(str(distribution.locate_file(name))) for name in sorted(names)]


def _installed_files(distribution: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    for package in installed_packages(distribution):
        yield from _files_below(package, package.name)


def _checkout_files(checkout: Path, repository: str) -> Iterator[tuple[str, bytes]]:
    for init in sorted((checkout / "src").glob("*/__init__.py")):
        yield from _files_below(init.parent, init.parent.name)
    for source, name in _FOLDERS.items():
        yield from _files_below(checkout / source, f"{repository}/{name}")
    yield f"{repository}/cmr.yaml", (checkout / "cmr.yaml").read_bytes()
    yield f"{repository}/__init__.py", b'"""A CM repository: data only."""\n'


def _files_below(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _metadata(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
