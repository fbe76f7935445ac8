"""Cut a stream of bytes into lines of text as they arrive."""

from __future__ import annotations

import codecs
import io

LONGEST_LINE = 1 << 20


class LineSplitter:
    """Bytes in, whole lines out.

    Newline, carriage return and both together end a line, so that a progress bar's
    states are lines of their own. Bytes that are not UTF-8 become U+FFFD.
    """

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._rest = ""

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` completes; an empty chunk ends the stream and its last line.

        A line longer than `LONGEST_LINE` characters is cut, so that endless output without
        newlines does not fill the memory.
        """
        text = self._rest + self._decoder.decode(chunk, final=not chunk)
        *lines, self._rest = text.split("\n")
        if self._rest and (not chunk or len(self._rest) > LONGEST_LINE):
            lines.append(self._rest)
            self._rest = ""
        return lines
