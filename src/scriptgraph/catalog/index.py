"""The index: a catalogue on disk that is as true at each start as if all manifests had been read.

One file for each set of repositories. At a start the folders' and the manifests' stamps are compared,
and what has changed is read. A file that is missing, damaged or cannot be written costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from binascii import crc32
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from scriptgraph.catalog.entries import Catalogue, catalogue_of
from scriptgraph.catalog.folder import Sight, look
from scriptgraph.files.atomic import replace_bytes
from scriptgraph.manifest.text import MANIFEST_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scriptgraph.manifest.text import Head

    Indexed = tuple[list[Sight], Catalogue]
    Known = dict[str, tuple[bytes, Head]]

# A change of the file's layout, or of what is read as a head, gets a new name here.
LAYOUT = "v1"
# Files of repositories that are used no more are not kept for ever.
_MOST_FILES = 16


def read_scripts(folders: Sequence[Path], index: Path | None, *, keep: bool = True, whole: bool = True) -> Catalogue:
    """Return the catalogue of some `script/` folders.

    Args:
        folders: the `script/` folders.
        index: the folder for the index; None to read every manifest.
        keep: whether the index may be written; it can be read all the same.
        whole: whether every manifest is compared with the index, however many there are.

    Raises:
        ManifestError: two scripts share an alias.
    """
    if index is None:
        return _seen_now(folders, [{} for _ in folders])[1]
    named = "\0".join((*MANIFEST_NAMES, "", *map(str, folders)))
    path = index / LAYOUT / hashlib.sha256(named.encode(errors="surrogatepass")).hexdigest()[:24]
    try:
        written = path.read_bytes()
    except OSError:
        written = b""
    kept = _decoded(written)
    if kept is not None and not whole and all(sight.taken() for sight in kept[0]):
        kept[1].compared = False
        return kept[1]
    if kept is not None and whole and all(sight.unchanged() for sight in kept[0]):
        return kept[1]
    now = _seen_now(folders, _known(kept) if kept else [{} for _ in folders])
    fresh = _encoded(now)
    # What comes first in a new home is a run, not this.
    if keep and fresh != written and index.parent.is_dir():
        with suppress(OSError):
            _write(path, fresh)
    return now[1]


def _seen_now(folders: Sequence[Path], known: Sequence[Known]) -> Indexed:
    looked = [look(folder, each) for folder, each in zip(folders, known, strict=True)]
    sights = [sight for sight, _ in looked]
    return sights, catalogue_of(sights, [head for _, heads in looked for head in heads])


def _known(kept: Indexed) -> list[Known]:
    sights, catalogue = kept
    heads = iter([catalogue.head(number) for number in range(len(catalogue))])
    return [sight.known(heads) for sight in sights]


def _encoded(indexed: Indexed) -> bytes:
    sights, catalogue = indexed
    texts = ["\0".join(paths) for sight in sights for paths in (sight.paths, sight.absent)]
    blocks = [text.encode(errors="surrogatepass") for text in (catalogue.heads, catalogue.words, *texts)]
    blocks += [sight.stamps for sight in sights]
    body = b"".join(blocks)
    folders = [(sight.folder, sight.stamp.hex()) for sight in sights]
    head = {"folders": folders, "sizes": [len(block) for block in blocks], "crc": crc32(body)}
    return json.dumps(head).encode() + b"\n" + body


def _decoded(written: bytes) -> Indexed | None:
    """Read the file's content; None where it is damaged."""
    start = written.find(b"\n") + 1
    body = memoryview(written)[start:]
    try:
        head = json.loads(written[:start])
        folders, ends = head["folders"], list(accumulate(head["sizes"], initial=0))
        if crc32(body) != head["crc"]:
            return None
    except (ValueError, KeyError, TypeError):
        return None
    blocks = [body[first:last] for first, last in pairwise(ends)]
    heads, words, *texts = (str(block, "utf-8", "surrogatepass") for block in blocks[: 2 * len(folders) + 2])
    lists = iter([text.split("\0") if text else [] for text in texts])
    stamps = map(bytes, blocks[2 * len(folders) + 2 :])
    sights = [Sight(folder, next(lists), bytes.fromhex(own), next(lists), next(stamps)) for folder, own in folders]
    return sights, Catalogue(sights, heads, words)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_bytes(path, content)
    files = sorted(path.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)
    for old in files[:-_MOST_FILES]:
        old.unlink(missing_ok=True)
