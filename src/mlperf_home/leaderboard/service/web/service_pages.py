"""The pages that only a service has: the state of an upload, and a page that is absent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from mlperf_home.contracts.leaderboard.service import UploadStatus

_WORDS = {
    "incomplete": "Bytes are missing: send the rest by the same command.",
    "queued": "It arrived, and waits to be verified.",
    "taken": "It is verified and on the board; the pages show it soon.",
    "published": "It is verified, and the pages show it.",
    "refused": "It is not taken.",
    "set aside": "The service failed at it. It is kept, and the organiser has to look.",
}


class ServicePages:
    """Fills the template; all values from outside are escaped."""

    def __init__(self, board: str) -> None:
        loader = FileSystemLoader(Path(__file__).parent)
        env = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        env.filters["shown"] = printable_name
        self._template, self._board = env.get_template("upload.html"), printable_name(board)

    def upload(self, status: UploadStatus) -> HTMLResponse:
        """Return the page of an upload."""
        before = f" {status.before} are verified before it." if status.before else ""
        words = f"{_WORDS[status.state]}{before}"
        headers = {"Cache-Control": "no-store"}
        return self._page(f"Upload {status.upload[:12]}: {status.state}", words, status, 200, headers)

    def absent(self, words: str, code: int = 404) -> HTMLResponse:
        """Return a page that tells what is absent."""
        return self._page("Not found" if code == 404 else "No answer", words, None, code, {})  # noqa: PLR2004 - HTTP

    def _page(
        self, title: str, words: str, status: UploadStatus | None, code: int, headers: dict[str, str]
    ) -> HTMLResponse:
        text = self._template.render(title=title, board=self._board, status=status, words=words)
        return HTMLResponse(text, code, headers)
