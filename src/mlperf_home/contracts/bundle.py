"""`bundle.json`: the manifest of a challenge's bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

MOST_FILES = 20_000
"""81 results have some 1,500 files."""

MANIFEST_LIMITS = Limits(size=16 << 20, depth=4, values=4 * MOST_FILES)
"""A file has three values (its entry, two members), and takes 200 to 400 bytes with a long path."""


class FileEntry(Document):
    """A file of a bundle, as its manifest lists it."""

    sha256: str
    bytes: int


class BundleManifest(Document):
    """What a bundle is, and size and hash of every other file in it.

    Attributes:
        challenge: the challenge's name, and the name of the bundle's folder.
        sample: whether it was made with sample data.
        made_utc: when the last workflow ended, ISO 8601.
        version: of this product.
        files: by path within the bundle.
    """

    schema: Literal["mlperf-home/bundle/1"] = "mlperf-home/bundle/1"
    challenge: str
    sample: bool
    made_utc: str
    version: str
    files: Mapping[str, FileEntry]
