"""`bundle.json`: the manifest of a challenge's bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.challenges.contributor import Sender
from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

MOST_FILES = 20_000
"""Largest number of files; 81 results have some 1,500."""

MANIFEST_LIMITS = Limits(size=16 << 20, depth=4, values=4 * MOST_FILES)
"""Each file has three values (entry and two members) and takes 200 to 400 bytes, depending on its path."""


class FileEntry(Document):
    """A file in a bundle's manifest: SHA-256, and size in bytes."""

    sha256: str
    bytes: int


class BundleManifest(Document):
    """The manifest of a bundle: its challenge and mode, with size and hash of every other file.

    Attributes:
        challenge: name of the challenge, and of the bundle's folder.
        sample: whether the run used sample data.
        made_utc: end of the last workflow, ISO 8601.
        version: version of this product.
        files: entries by path within the bundle.
        sender: who sends it; None in bundles of version 0.1.
        repeats: SHA-256 of the manifest of the bundle that this one replays; "" if it is no replay.
    """

    schema: Literal["mlperf-home/bundle/1"] = "mlperf-home/bundle/1"
    challenge: str
    sample: bool
    made_utc: str
    version: str
    files: Mapping[str, FileEntry]
    sender: Sender | None = None
    repeats: str = ""
