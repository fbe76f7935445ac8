"""A disk of a few megabytes in a mount namespace of its own: it needs no root, and no other program sees it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import TracebackType


class SmallDisk:
    """A tmpfs at `place`; `with` mounts and unmounts it."""

    def __init__(self, place: Path, size: str) -> None:
        self.place, self._size = place, size

    def __enter__(self) -> SmallDisk:  # noqa: PYI034 - Self needs Python 3.11
        self.place.mkdir()
        mount = f'mount -t tmpfs -o size={self._size} tmpfs "$0" && echo mounted && exec cat'
        try:
            self._holder = subprocess.Popen(
                ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(self.place)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            pytest.skip("unshare is not installed, so no small disk can be made")
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"mounted\n":
            self._end()
            pytest.skip("this machine lets no user make a mount namespace")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._holder.communicate()

    @property
    def seen(self) -> Path:
        """The disk's folder, seen from outside the namespace."""
        return Path(f"/proc/{self._holder.pid}/root{self.place}")

    def resize(self, size: str) -> None:
        subprocess.run([*self._entering(), "mount", "-o", f"remount,size={size}", str(self.place)], check=True)

    def program(self, program: Path, wrapper: Path) -> Path:
        """Write a wrapper that starts a program inside the disk's namespace; return the wrapper."""
        wrapper.write_text(f'#!/bin/sh\nexec {" ".join(self._entering())} "{program}" "$@"\n')
        wrapper.chmod(0o700)
        return wrapper

    def _entering(self) -> list[str]:
        return ["nsenter", f"--target={self._holder.pid}", "--user", "--mount", "--preserve-credentials", "--"]
