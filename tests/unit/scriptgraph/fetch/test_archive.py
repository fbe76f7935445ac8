"""Archives are unpacked completely; hostile and damaged ones are refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest
from archives import CONTENT, Tar, Zip, tree

from scriptgraph.fetch.archive import ArchiveError, extract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.txz", "w:xz"), ("download", "w:bz2")]
)
def test_tars_are_unpacked_in_every_compression(tmp_path: Path, name: str, mode: str) -> None:
    tar = Tar(tmp_path / name, mode)
    tar.add("./", kind=tarfile.DIRTYPE).add("./model/a.onnx", CONTENT).add("model/run.sh", b"#!", mode=0o4755)
    tar.add("empty", kind=tarfile.DIRTYPE).link("model/latest", "a.onnx")
    tar.link("copy", "model/a.onnx", tarfile.LNKTYPE)

    files = extract(tar.done(), tmp_path / "out")

    out = tmp_path / "out"
    assert [path.relative_to(out).as_posix() for path in files] == [
        "model/a.onnx",
        "model/run.sh",
        "model/latest",
        "copy",
    ]
    assert tree(out) == {
        "copy": CONTENT,
        "empty": "",
        "model": "",
        "model/a.onnx": CONTENT,
        "model/latest": "a.onnx",
        "model/run.sh": b"#!",
    }
    assert stat.S_IMODE((out / "model/run.sh").stat().st_mode) == 0o755  # no setuid bit
    assert not (out / "model/a.onnx").stat().st_mode & stat.S_IXUSR


def test_a_zip_is_unpacked_with_folders_links_and_modes(tmp_path: Path) -> None:
    archive = Zip(tmp_path / "a.zip").add("d/").add("d/f", CONTENT).add("run", b"#!", stat.S_IFREG | 0o6755)
    archive.add("link", b"d/f", stat.S_IFLNK | 0o777)

    extract(archive.done(), tmp_path / "out")

    assert tree(tmp_path / "out") == {"d": "", "d/f": CONTENT, "link": "d/f", "run": b"#!"}
    assert stat.S_IMODE((tmp_path / "out/run").stat().st_mode) == 0o755


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_a_single_file_is_decompressed(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    archive = tmp_path / f"model.onnx.{suffix}"
    archive.write_bytes(compress(CONTENT))

    assert extract(archive, tmp_path / "out") == (tmp_path / "out" / "model.onnx",)
    assert tree(tmp_path / "out") == {"model.onnx": CONTENT}


def test_zstandard_is_unpacked_or_names_its_requirement(tmp_path: Path) -> None:
    # One frame with the raw block "hello" (RFC 8878).
    archive = tmp_path / "word.zst"
    archive.write_bytes(bytes.fromhex("28b52ffd2005290000") + b"hello")
    try:
        assert tree(extract(archive, tmp_path / "out")[0].parent) == {"word": b"hello"}
    except ArchiveError as error:
        assert "Zstandard needs Python 3.14 or the package backports.zstd" in str(error)  # noqa: PT017 - either is right


def test_tars_with_no_and_with_many_members_are_unpacked(tmp_path: Path) -> None:
    assert extract(Tar(tmp_path / "empty.tar").done(), tmp_path / "none") == ()
    many = Tar(tmp_path / "many.tar.gz", "w:gz")
    for n in range(2000):
        many.add(f"images/{n}.jpeg", b"%d" % n * 300)

    files = extract(many.done(), tmp_path / "out")

    assert len(files) == 2000
    assert files[1234].read_bytes() == b"1234" * 300


def test_a_name_that_needs_a_long_header_is_unpacked(tmp_path: Path) -> None:
    name = "/".join(["folder" * 10] * 8) + "/fil\u00e9"

    assert extract(Tar(tmp_path / "a.tar").add(name).done(), tmp_path / "out") == (tmp_path / "out" / name,)


def test_an_existing_folder_is_filled_only_if_it_is_empty(tmp_path: Path) -> None:
    archive = Tar(tmp_path / "a.tar").add("f").done()
    out = tmp_path / "out"
    out.mkdir()

    extract(archive, out)

    with pytest.raises(ArchiveError, match="is not empty; name another folder"):
        extract(archive, out)
    assert tree(out) == {"f": b"x"}
