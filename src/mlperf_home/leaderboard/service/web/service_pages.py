"""The pages that only a service has: the state of an upload, and a page that is absent."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        title = f"Upload {status.upload[:12]}: {status.state}"
        return self._page(title, 200, headers, words=words, status=status, up="../")

    def absent(self, words: str, code: int, up: str) -> HTMLResponse:
        """Return a page that tells what is absent; `up` leads to the first page's folder."""
        title = "Not found" if code == HTTPStatus.NOT_FOUND else "No answer"
        return self._page(title, code, {}, words=words, status=None, up=up)

    def _page(self, title: str, code: int, headers: dict[str, str], **values: Any) -> HTMLResponse:
        return HTMLResponse(self._template.render(title=title, board=self._board, **values), code, headers)
