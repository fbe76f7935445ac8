"""The service of a board: its job, its process, and what it shows of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import parse_document, write_document
from mlperf_home.contracts.leaderboard.service import (
    ANSWER_LIMITS,
    ListeningEvent,
    ServiceEvent,
    ServiceJob,
    WorkerEvent,
)
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.product import PRODUCT
from mlperf_home.steps.boards.collecting import open_index
from mlperf_home.steps.launch import run_module
from scriptgraph.embed import check_key
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.api import Context

_BYTES_PER_GB = 10**9
DATABASE = "CM_BOARD_DATABASE"


def serve_leaderboard(context: Context) -> None:
    """Serve a board until the command is ended.

    Raises:
        LocatedError: the board cannot be used, the key cannot sign, or the address cannot be listened at.
    """
    key = context.path("CM_BOARD_KEY")
    if key is not None:
        check_key(key, PRODUCT.name)
    board = Board(context.output_path("CM_BOARD_DIR", context.results_home / "boards" / "board"))
    with board.held():
        board.create(sample=context.flag("CM_DATASET_SAMPLE"))
        open_index(context, board).close()
    path = context.output / "job.json"
    write_document(path, _job(context, board, path, key))
    environment = {DATABASE: text} if (text := context.text(DATABASE, "")) else {}
    words: list[str | Path] = ["mlperf_home.leaderboard.service.web", "--job", path]
    python = [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")]
    run_module(context.command, python, words, on_line=lambda line: _show(context, line), env=environment)


def _job(context: Context, board: Board, path: Path, key: Path | None) -> ServiceJob:
    worker = (sys.executable, str(BOOTSTRAP), "mlperf_home.leaderboard.service.worker", "--job", str(path))
    return ServiceJob(
        board=board.folder,
        site=context.output_path("CM_BOARD_SITE_DIR", board.folder / "site"),
        worker=worker,
        judge=context.existing("CM_PYTHON_LIB_BIN_WITH_PATH"),
        host=context.text("CM_SERVICE_HOST"),
        port=context.whole("CM_SERVICE_PORT") or 0,
        workers=context.whole("CM_SERVICE_WORKERS") or 1,
        uploads_per_hour=context.whole("CM_SERVICE_UPLOADS_PER_HOUR") or 1,
        uploads_at_once=context.whole("CM_SERVICE_UPLOADS_AT_ONCE") or 1,
        waiting_bytes=round((context.number("CM_SERVICE_WAITING_GB") or 0.0) * _BYTES_PER_GB),
        proxy=context.text("CM_SERVICE_PROXY", ""),
        published=context.flag("CM_BOARD_PUBLISHED"),
        key=key,
    )


def _show(context: Context, line: str) -> None:
    try:
        event: object = parse_document(line, ServiceEvent, "the line", ANSWER_LIMITS)  # type: ignore[arg-type]
    except DocumentError:
        return
    if isinstance(event, ListeningEvent):
        context.say(f"serving {event.url}; Ctrl-C ends it, and loses nothing")
    elif isinstance(event, WorkerEvent) and event.event == "judged":
        context.say(f"upload {event.upload[:12]}: {event.words}{f': {event.reason}' if event.reason else ''}")
    elif isinstance(event, WorkerEvent) and event.event == "published":
        context.say(f"published: {event.words} have changed")
    elif isinstance(event, WorkerEvent):
        context.warn(f"uploads wait for {event.words or f'another try of {event.upload[:12]}'}: {event.reason}")
