"""Drafts of files: what each holds, before its text is made; equal keys have equal bytes.

A board of 80,000 results has as many pages. Making the texts takes most of the time, so a file whose key is that of the
last time is not made again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlperf_home.contracts.leaderboard.events import BoardSettings

TEMPLATES = Path(__file__).parent / "templates"
PLOT_STYLE = "sha256-iyMXP8wQ42Eky+cGZMMIR1dQ8ot1Dtv3HFKxcjmo3Nk="
"""The hash of the style that the plot library puts into its pictures; the policy of pages allows no other."""

_KEY_BYTES = 12
_CODE = (Path(__file__).parent, Path(__file__).parents[1] / "answer")


class Draft(NamedTuple):
    """A file of the site.

    Attributes:
        address: its place, relative to the site.
        key: changes if its bytes change.
        make: returns its bytes.
    """

    address: str
    key: str
    make: Callable[[], bytes]


def key_of(*parts: object) -> str:
    """Return a key for values: texts, numbers, and tuples, lists and dictionaries of them."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=_KEY_BYTES).hexdigest()


@cache
def code_key() -> str:
    """Return a key of the code and the templates that make the files."""
    return mark_of(*(path.read_bytes() for folder in _CODE for path in sorted(folder.rglob("*.*")) if path.is_file()))


def mark_of(*parts: bytes | str) -> str:
    """Return a key for texts."""
    found = hashlib.blake2b(digest_size=_KEY_BYTES)
    for each in parts:
        found.update(each if isinstance(each, bytes) else each.encode("utf-8", "backslashreplace"))
        found.update(b"\0")
    return found.hexdigest()


def text_draft(address: str, text: str) -> Draft:
    """Return the draft of a file whose text is known."""
    return Draft(address, mark_of(text), text.encode)


@dataclass(frozen=True)
class PageMaker:
    """Fills the templates: each sees its own values and the board's name alone; all values are escaped."""

    settings: BoardSettings

    @cached_property
    def _env(self) -> Environment:
        env = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        env.globals |= {"board": self.settings, "plot_style": PLOT_STYLE, "header": cache(self._header)}
        env.filters["shown"] = printable_name
        return env

    def _header(self, up: str) -> str:
        """Return the header of pages in a folder; it is the same in most of a board's pages."""
        return self._env.get_template("header.html").render(up=up)

    @cached_property
    def _common(self) -> str:
        """What all pages depend on."""
        return key_of(self.settings.name, self.settings.sample, self.settings.created_utc, code_key())

    def draft(self, address: str, template: str, **values: Any) -> Draft:
        """Return the draft of a page.

        Args:
            address: the page's place.
            template: the name of its template.
            values: plain values: texts, numbers, and tuples, lists and dictionaries of them.
        """
        return Draft(address, key_of(self._common, template, values), lambda: self._bytes(address, template, values))

    def later(self, address: str, template: str, key: object, values: Callable[[], Mapping[str, Any]]) -> Draft:
        """Return the draft of a page whose values are gathered only if it is made; `key` changes if they do."""
        return Draft(address, key_of(self._common, template, key), lambda: self._bytes(address, template, values()))

    def _bytes(self, address: str, template: str, values: Mapping[str, Any]) -> bytes:
        up = "../" * address.count("/")
        return f"{self._env.get_template(template).render(up=up, **values)}\n".encode()
