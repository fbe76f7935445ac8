"""A full disk is named in one line and leaves no partial result; with more room, the run resumes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
from cm_command import Cm
from faulty_server import FaultyServer, unmeasured, whole
from small_disk import SmallDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cm_command import Ended

# Fills the disk while the marker file has content.
GREEDY = """
from contextlib import suppress

from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    with (context.output / "filler.bin").open("wb", buffering=0) as file:
        file.write(b"useful")
        with suppress(OSError):
            while context.existing("CM_MARKER").stat().st_size:
                file.write(bytes(4096))
    return Done(exports={"CM_FILLER": context.output / "filler.bin"})
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk", "2m") as made:
        yield made


@pytest.fixture
def small(cm: Cm, disk: SmallDisk, tmp_path: Path) -> Cm:
    """Return a `cm` that sees the small disk."""
    return Cm(cm.home, disk.program(cm.program, tmp_path / "cm-there"))


def refused(ended: Ended, disk: SmallDisk) -> str:
    """Assert that a command failed in one line and left no unfinished entry; return the line."""
    assert ended.code == 1, ended.output
    assert "Traceback" not in ended.output
    (line,) = [line for line in ended.output.splitlines() if "CM error" in line]
    assert not list((disk.seen / "home/cache/making").iterdir())
    return line


def entries(disk: SmallDisk) -> list[str]:
    paths = (disk.seen / "home/cache").glob("v*/*/*/entry.json")
    return sorted(json.loads(path.read_text())["alias"] for path in paths)


def test_a_download_resumes_after_a_full_disk(small: Cm, disk: SmallDisk) -> None:
    content = bytes(range(256)) * 12_000
    options = (f"--checksum=sha256:{hashlib.sha256(content).hexdigest()}", f"--home={disk.place / 'home'}")
    with FaultyServer() as server:
        url = server.serve("/big.bin", unmeasured(content), whole(content))  # the first answer has no length

        line = refused(small.script("download,file", f"--url={url}", *options), disk)
        assert "the disk is full" in line
        assert entries(disk) == []
        disk.resize("16m")
        ended = small.script("download,file", f"--url={url}", *options)

        assert ended.code == 0, ended.output
        (first, second) = server.seen
        assert "Range" not in first.headers
        assert int(second.headers["Range"].removeprefix("bytes=").removesuffix("-")) > 1_000_000
    assert entries(disk) == ["download-file"]
    (fetched,) = (disk.seen / "home/cache").glob("v*/*/*/content/big.bin")
    assert fetched.read_bytes() == content


def test_an_archive_is_unpacked_whole_or_not_at_all(small: Cm, disk: SmallDisk) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name in ("first", "second"):
            member = tarfile.TarInfo(name)
            member.size = 1_500_000
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    digest = hashlib.sha256(raw.getvalue()).hexdigest()
    options = (f"--checksum=sha256:{digest}", f"--home={disk.place / 'home'}")
    with FaultyServer() as server:
        url = server.serve("/two.tar.gz", whole(raw.getvalue()))

        line = refused(small.script("download-and-extract", f"--url={url}", *options), disk)
        assert "member 'second': the disk is full" in line
        assert entries(disk) == ["download-file"]
        disk.resize("16m")
        ended = small.script("download-and-extract", f"--url={url}", *options)

        assert ended.code == 0, ended.output
        assert len(server.seen) == 1  # the archive is not fetched again
    assert entries(disk) == ["download-file", "extract-file"]


def test_an_entry_is_published_whole_or_not_at_all(small: Cm, disk: SmallDisk, tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "script" / "fill-disk"
    folder.mkdir(parents=True)
    (tmp_path / "mine" / "cmr.yaml").write_text("alias: mine\nuid: 12345678abcd1234\ngit: false\n")
    manifest = {
        "automation_alias": "script", "automation_uid": "5b4e0237da074764", "alias": "fill-disk",
        "uid": "8765432187654321", "tags": ["fill", "disk"], "name": "Fill the disk", "cache": True,
        "inputs": {"marker": {"env": "CM_MARKER", "desc": "a file", "type": "path"}}, "new_env_keys": ["CM_FILLER"],
    }  # fmt: skip
    (folder / "_cm.json").write_text(json.dumps(manifest))
    (folder / "customize.py").write_text(GREEDY)
    assert small("add", "repo", f"--path={tmp_path / 'mine'}").code == 0
    marker = tmp_path / "marker"
    marker.write_text("take all")
    options = (f"--marker={marker}", f"--home={disk.place / 'home'}")

    line = refused(small.script("fill,disk", *options), disk)
    assert "the new entry cannot be stored (No space left on device)" in line
    assert entries(disk) == []
    marker.write_text("")
    ended = small.script("fill,disk", *options)

    assert ended.code == 0, ended.output
    assert entries(disk) == ["fill-disk"]
