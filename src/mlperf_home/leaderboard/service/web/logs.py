"""The service's log: a line of JSON for each event, in files of a bounded size; no address of a person."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES, _FILES = 10 << 20, 5


class _LogFiles(RotatingFileHandler):
    """Files that a full disk does not end the service for: the line is lost."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class names it
        """Ignore the error."""


class ServiceLog:
    """Writes events as lines of JSON."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFiles(path, maxBytes=_MOST_BYTES, backupCount=_FILES, encoding="utf-8")
        self._logger = logging.Logger("service")  # noqa: LOG001 - of this object alone
        self._logger.addHandler(handler)

    def write(self, event: str, **facts: Any) -> None:
        """Write an event with its facts."""
        utc = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._logger.info(json.dumps({"utc": utc, "event": event, **facts}))

    def close(self) -> None:
        """Close the file."""
        for handler in self._logger.handlers:
            handler.close()
