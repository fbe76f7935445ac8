"""Licences and approximate sizes of files, by the beginning of their address: for plans, never for checks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class DownloadFacts(NamedTuple):
    """The licence ("" if unknown) and the approximate size in bytes (None if unknown) of a file."""

    licence: str = ""
    about_bytes: int | None = None


def facts_of(addresses: Iterable[str], table: Path | None) -> DownloadFacts:
    """Return the facts of a file with these addresses, from the longest beginning in a product's table.

    Raises:
        DocumentError: the table cannot be read.
    """
    if table is None:
        return DownloadFacts()
    known = _read(table)
    found = [prefix for prefix in known for address in addresses if address.startswith(prefix)]
    return known[max(found, key=len)] if found else DownloadFacts()


@lru_cache(maxsize=1)
def _read(table: Path) -> dict[str, DownloadFacts]:
    return {row["prefix"]: DownloadFacts(row["licence"], row["about_bytes"]) for row in read_json(table)["files"]}
