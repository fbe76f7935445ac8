"""A picture as one page of HTML that needs no network: Plotly's library, the marks, and the filters inside it."""

from __future__ import annotations

import html
import json
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING

from plotly.offline import get_plotlyjs

from mlperf_home.pictures.picture import LOOKS, SAMPLE

if TYPE_CHECKING:
    from mlperf_home.pictures.picture import Picture


def write_page(picture: Picture) -> str:
    """Return the page's text; every mark of the picture has a standing."""
    looks = [
        {"imported": imported, "standing": standing, **asdict(look)}
        for (imported, standing), look in LOOKS.items()
        if any(mark.kind == (imported, standing) for mark in picture.marks)
    ]
    document = {**asdict(picture), "looks": looks, "sample_words": SAMPLE if picture.sample else ""}
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _own("page.html").format(
        title=html.escape(picture.heading),
        notes="".join(f"<li>{html.escape(note)}</li>" for note in picture.notes),
        # No text in it may end the script.
        document=text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        library=get_plotlyjs(),
        code=_own("page.js"),
        style=_own("page.css"),
    )


def _own(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
