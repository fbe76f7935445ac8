"""An archive that is no bundle, or a hostile one, is refused in a line and leaves nothing."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from challenge_homes import NAME
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.bundles.bundle import MANIFEST
from mlperf_home.challenges.verification.verification import BundleError, verify
from mlperf_home.submission.delivery import pack

if TYPE_CHECKING:
    from collections.abc import Callable


class TestArchives:
    @staticmethod
    def repacked(unpacked: UnpackedBundle, change: Callable[[tarfile.TarFile], None], tail: bytes = b"") -> Path:
        target = unpacked.folder / "hostile.tar.gz"
        pack(unpacked.root, target)
        stream = io.BytesIO()
        with tarfile.open(target) as old, tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as new:
            for member in old:
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
            change(new)
        target.write_bytes(gzip.compress(stream.getvalue() + tail))
        return target

    @pytest.mark.parametrize(
        ("name", "kind", "link"),
        [
            ("../outside", tarfile.REGTYPE, ""),
            ("/outside", tarfile.REGTYPE, ""),
            (f"{NAME}/link", tarfile.SYMTYPE, "/etc/passwd"),
            (f"{NAME}/link", tarfile.SYMTYPE, "../../outside"),
            (f"{NAME}/hard", tarfile.LNKTYPE, "../outside"),
            (f"{NAME}/device", tarfile.CHRTYPE, ""),
            (f"{NAME}/run.json", tarfile.REGTYPE, ""),
            ("other/file", tarfile.REGTYPE, ""),
        ],
        ids=["climbs", "absolute", "link", "climbing link", "hard link", "device", "twice", "two folders"],
    )
    def test_an_unsafe_member_is_an_error(
        self, unpacked: UnpackedBundle, tmp_path: Path, name: str, kind: bytes, link: str
    ) -> None:
        def change(archive: tarfile.TarFile) -> None:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, link, 0o644
            archive.addfile(member)

        bundle = self.repacked(unpacked, change)

        with pytest.raises(BundleError):
            verify(bundle, tmp_path / "unpacked")
        assert not (tmp_path / "outside").exists()

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
    def test_an_internal_link_is_named(self, unpacked: UnpackedBundle, tmp_path: Path, kind: bytes) -> None:
        def change(archive: tarfile.TarFile) -> None:
            member = tarfile.TarInfo(f"{NAME}/link")
            member.type, member.linkname = kind, "run.json" if kind == tarfile.SYMTYPE else f"{NAME}/run.json"
            archive.addfile(member)

        problems = problems_of(verify(self.repacked(unpacked, change), tmp_path / "unpacked"))

        assert any(line.startswith("link: is a link") for line in problems)

    def test_a_decompression_bomb_is_an_error(self, tmp_path: Path) -> None:
        bomb = tmp_path / "bomb.tar.gz"
        with tarfile.open(bomb, "w:gz") as archive:
            member = tarfile.TarInfo(f"{NAME}/{MANIFEST}")
            member.size = 96 << 20
            with Path(os.devnull).open("rb"):
                archive.addfile(member, io.BytesIO(bytes(member.size)))

        with pytest.raises(BundleError, match="unpacks to more than"):
            verify(bomb, tmp_path / "unpacked")

    def test_bytes_after_the_last_file_are_named(self, unpacked: UnpackedBundle, tmp_path: Path) -> None:
        bundle = self.repacked(unpacked, lambda _archive: None, b"hidden" + bytes(506))

        assert any("after its last file" in line for line in problems_of(verify(bundle, tmp_path / "unpacked")))

    def test_owners_and_times_are_named(self, unpacked: UnpackedBundle, tmp_path: Path) -> None:
        def change(archive: tarfile.TarFile) -> None:
            member = tarfile.TarInfo(f"{NAME}/records/second.txt")
            member.uname, member.mtime = "somebody", 1_700_000_000
            archive.addfile(member)

        problems = problems_of(verify(self.repacked(unpacked, change), tmp_path / "unpacked"))

        assert any("an owner or a time" in line for line in problems)

    @pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b"], ids=["empty", "text", "cut"])
    def test_a_file_that_is_no_archive_is_named(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "b.tar.gz").write_bytes(content)

        with pytest.raises(BundleError, match=r"b\.tar\.gz"):
            verify(tmp_path / "b.tar.gz", tmp_path / "unpacked")
