"""The functions that scripts call as `utils` of their engine: versions, downloads, archives."""

from __future__ import annotations

import re
import shutil
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from scriptgraph.compat.child.host import host_os_info

# Higher values have a Unix mode above these bits.
_NO_MODE = 0xFFFF
_NUMBERS = re.compile(r"\d+|[A-Za-z]+")


def is_true(value: Any) -> bool:
    """Whether a value is a spelling of yes."""
    return str(value).lower() in {"yes", "on", "true", "1"}


def is_false(value: Any) -> bool:
    """Whether a value is a spelling of no."""
    return str(value).lower() in {"no", "off", "false", "0"}


def get_host_os_info(_i: Any = None) -> dict[str, Any]:
    """Return the facts of the machine."""
    return {"return": 0, "info": host_os_info()}


def compare_versions(i: Any, other: str | None = None) -> Any:
    """Compare two versions: -1, 0 or 1, in the member `comparison` if called with a dictionary."""
    first, second = (i["version1"], i["version2"]) if isinstance(i, dict) else (i, other)
    low, high = _parts(str(first)), _parts(str(second))
    result = (low > high) - (low < high)
    return {"return": 0, "comparison": result} if isinstance(i, dict) else result


def _parts(version: str) -> list[tuple[int, int, str]]:
    found = [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in _NUMBERS.findall(version)]
    while found and found[-1] == (1, 0, ""):
        found.pop()
    return found


def download_file(i: dict[str, Any]) -> dict[str, Any]:
    """Download a file into the working folder."""
    name = i.get("filename") or unquote(PurePosixPath(urlsplit(i["url"]).path).name)
    path = Path(i.get("path") or ".", name).absolute()
    try:
        with urllib.request.urlopen(i["url"]) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, ValueError) as error:
        return {"return": 1, "error": f"{i['url']}: {error}"}
    return {"return": 0, "filename": name, "path": str(path), "size": path.stat().st_size}


def unzip_file(i: dict[str, Any]) -> dict[str, Any]:
    """Unpack a zip archive; members that would leave the folder are left out."""
    archive, strip = Path(i["filename"]), int(i.get("strip_folders", 0))
    if not archive.is_file():
        return {"return": 1, "error": f"{archive} is missing"}
    folder = Path(i.get("path") or ".").absolute()
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            parts = PurePosixPath(member.filename).parts[strip:]
            target = folder.joinpath(*parts).resolve()
            if not parts or not target.is_relative_to(folder.resolve()):
                continue
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
            if member.external_attr > _NO_MODE:
                target.chmod((member.external_attr >> 16) & 0o777)
    return {"return": 0}
