"""The files of a tree: each is read once, and equal logs are parsed once."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.loadgen_logs.accuracy_log import AccuracyText, AccuracyTextError, parse_accuracy_text
from mlperf_home.loadgen_logs.run_log import DetailLog, parse_detail, scan_detail
from mlperf_home.measurements.layout import read_object
from mlperf_home.rules import mlperf_conf
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.rules import Round

# Larger files are not held in memory.
_AT_ONCE_BYTES = 32 << 20


class TextFile(NamedTuple):
    """A text of a tree.

    Attributes:
        text: the text; bytes that are not UTF-8 are replaced.
        sha256: the hash of the file.
        not_utf_8: the position of the first byte that is not UTF-8, or None.
    """

    text: str
    sha256: str
    not_utf_8: int | None


class DetailFile(NamedTuple):
    """A detail log of a tree, with the hash and the first foreign byte of its file; the hash of an absent one is ""."""

    detail: DetailLog
    sha256: str
    not_utf_8: int | None


class TreeContents:
    """The contents of the files of one tree while it is checked.

    An inferred result is a copy of its run, so two thirds of a tree's logs can be copies.
    """

    def __init__(self) -> None:
        self._texts: dict[Path, TextFile | None] = {}
        self._details: dict[Path, DetailFile] = {}
        self._objects: dict[Path, dict[str, Any] | DocumentError] = {}
        self._folders: dict[str, dict[str, os.DirEntry[str]]] = {}
        self._official_conf = ""
        self._known_texts: dict[bytes, TextFile] = {}
        self._known_details: dict[str, DetailFile] = {}

    def folder(self, path: Path | str) -> Mapping[str, os.DirEntry[str]]:
        """Return the entries of a folder by name; none if it does not exist or cannot be read."""
        name = os.fspath(path)
        if name not in self._folders:
            try:
                with os.scandir(name) as entries:
                    self._folders[name] = {entry.name: entry for entry in entries}
            except OSError:
                self._folders[name] = {}
        return self._folders[name]

    def is_file(self, path: Path) -> bool:
        """Whether there is a file at a path below the root."""
        folder, _, name = os.fspath(path).rpartition("/")
        entry = self.folder(folder).get(name)
        return entry is not None and entry.is_file()

    def is_dir(self, path: Path) -> bool:
        """Whether there is a folder at a path below the root."""
        folder, _, name = os.fspath(path).rpartition("/")
        entry = self.folder(folder).get(name)
        return entry is not None and entry.is_dir()

    def subfolders(self, path: Path) -> list[Path]:
        """Return the folders in a folder, sorted by name."""
        return [path / name for name, entry in sorted(self.folder(path).items()) if entry.is_dir()]

    def files(self, path: Path) -> set[str]:
        """Return the names of the files in a folder."""
        return {name for name, entry in self.folder(path).items() if entry.is_file()}

    def official_conf(self, rules: Round) -> str:
        """Return the round's mlperf.conf."""
        self._official_conf = self._official_conf or mlperf_conf(rules)
        return self._official_conf

    def text(self, path: Path) -> TextFile | None:
        """Return a text; None if there is no such file."""
        if path not in self._texts:
            self._texts[path] = self._read_text(path) if self.is_file(path) else None
        return self._texts[path]

    def detail(self, path: Path) -> DetailFile:
        """Return a detail log like `scan_detail`."""
        if path not in self._details:
            self._details[path] = self._read_detail(path)
        return self._details[path]

    def sha256(self, path: Path) -> str | None:
        """Return the hash of a text or a detail log; None if there is no such file."""
        if path in self._details:
            return self._details[path].sha256 or None
        text = self.text(path)
        return text.sha256 if text else None

    def accuracy(self, path: Path) -> AccuracyText | None:
        """Return the contents of accuracy.txt; None if it is absent or has no accuracy."""
        text = self.text(path)
        try:
            return parse_accuracy_text(path, text.text) if text else None
        except AccuracyTextError:
            return None

    def json_object(self, path: Path) -> dict[str, Any]:
        """Return a JSON object; an empty one if the file cannot be read or is none."""
        try:
            return self.read_object(path)
        except DocumentError:
            return {}

    def read_object(self, path: Path) -> dict[str, Any]:
        """Read a JSON object.

        Raises:
            DocumentError: the file cannot be read, or holds no JSON object.
        """
        if path not in self._objects:
            try:
                self._objects[path] = read_object(path)
            except DocumentError as error:
                self._objects[path] = error
        found = self._objects[path]
        if isinstance(found, DocumentError):
            raise found
        return found

    def _read_text(self, path: Path) -> TextFile:
        content = path.read_bytes()
        if content not in self._known_texts:
            text, not_utf_8 = content.decode("utf-8", "replace"), _first_foreign_byte(content)
            self._known_texts[content] = TextFile(text, hashlib.sha256(content).hexdigest(), not_utf_8)
        return self._known_texts[content]

    def _read_detail(self, path: Path) -> DetailFile:
        if not self.is_file(path) or path.stat().st_size > _AT_ONCE_BYTES:
            return DetailFile(scan_detail(path), _sha256_of(path), None)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        known = self._known_details.get(digest)
        # A fault names its file.
        if known is None or known.detail.fault:
            known = DetailFile(parse_detail(path, content), digest, _first_foreign_byte(content))
            self._known_details[digest] = known
        return known


def _sha256_of(path: Path) -> str:
    """Return the hash of a file too large for the memory; "" if there is none."""
    digest = hashlib.sha256()
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        while block := file.read(_AT_ONCE_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _first_foreign_byte(content: bytes) -> int | None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None
