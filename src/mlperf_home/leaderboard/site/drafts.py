"""Drafts of files: what each holds, before its text is made; equal keys have equal bytes.

A board of 80,000 results has as many pages. Making the texts takes most of the time, so a file whose key is that of the
last time is not made again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
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


def text_draft(address: str, text: str) -> Draft:
    """Return the draft of a file whose text is known."""
    return Draft(address, key_of(text), text.encode)


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
        env.globals |= {"board": self.settings, "plot_style": PLOT_STYLE}
        env.filters["shown"] = printable_name
        return env

    @cached_property
    def _common(self) -> str:
        """What all pages depend on."""
        texts = [path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())]
        return key_of(self.settings.name, self.settings.sample, self.settings.created_utc, PLOT_STYLE, *texts)

    def draft(self, address: str, template: str, **values: Any) -> Draft:
        """Return the draft of a page.

        Args:
            address: the page's place.
            template: the name of its template.
            values: plain values: texts, numbers, and tuples, lists and dictionaries of them.
        """
        return Draft(address, key_of(self._common, template, values), lambda: self._bytes(address, template, values))

    def _bytes(self, address: str, template: str, values: Mapping[str, Any]) -> bytes:
        up = "../" * address.count("/")
        return f"{self._env.get_template(template).render(up=up, **values)}\n".encode()
