"""The verdicts of each result: lines of a board's files, parsed only for the pages that are made."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import parse_own
from mlperf_home.contracts.leaderboard.events import VerdictLine

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(rb'^\{"judgement":\{"result":"([^"]+)".*\}$', re.MULTILINE)


class VerdictHistory:
    """The verdicts of results, from the texts of files with a verdict a line, the oldest first."""

    def __init__(self, texts: Iterable[bytes] = ()) -> None:
        self._lines: dict[str, list[bytes]] = defaultdict(list)
        for text in texts:
            for line in _LINE.finditer(text):
                self._lines[line[1].decode()].append(line[0])

    def count(self, result: str) -> int:
        """Return the number of verdicts of a result."""
        return len(self._lines.get(result, ()))

    def of(self, result: str) -> list[VerdictLine]:
        """Return the verdicts of a result. Raise DocumentError if a line is damaged."""
        lines = self._lines.get(result, ())
        return [parse_own(line, VerdictLine, f"verdicts of {result}") for line in lines]
