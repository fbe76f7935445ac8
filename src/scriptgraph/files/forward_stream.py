"""A stream of untrusted bytes that is read forward, counted, and looked at in advance."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING

from scriptgraph.files.parser_faults import FaultyBytesError

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK_BYTES = 1 << 20


class ForwardStream(io.RawIOBase):
    """A stream that never goes back, as going back in a compressed stream means to start again.

    Attributes:
        limit: the position that reading must not pass; None for none.
    """

    limit: int | None = None

    def __init__(
        self, stream: IO[bytes], count: Callable[[int], None] = lambda _read_bytes: None, *, plain: bool = False
    ) -> None:
        """Wrap a stream at its first byte.

        Args:
            stream: the stream; closed with this one.
            count: called with each number of bytes that were read, also to skip them; raises to stop.
            plain: whether the stream is a file, which skips without reading.
        """
        super().__init__()
        self._stream, self._count, self._plain = stream, count, plain
        self._position, self._ahead = 0, b""

    def peek(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end, without moving on."""
        if len(self._ahead) < size:
            self._ahead += self._counted(size - len(self._ahead))
        return self._ahead[:size]

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; fewer only at the end.

        Raises:
            FaultyBytesError: the size is negative (a stream of unknown length is never read at once), or passes the
                limit.
        """
        if size < 0 or (self.limit is not None and self._position + size > self.limit):
            raise FaultyBytesError("has a header that is too long")
        content, self._ahead = self._ahead[:size], self._ahead[size:]
        if len(content) < size:
            content += self._counted(size - len(content))
        self._position += len(content)
        return content

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Skip to a position from the start.

        Raises:
            FaultyBytesError: the position was passed already, or a stream that is not plain is shorter.
        """
        if whence != io.SEEK_SET or position < self._position:
            raise FaultyBytesError("leads back to bytes that were read already")
        unread = position - self._position - len(self._ahead)
        if self._plain and unread > 0:
            self._stream.seek(unread, io.SEEK_CUR)
            self._position, self._ahead = position, b""
        while self._position < position:
            if not self.read(min(_CHUNK_BYTES, position - self._position)):
                raise FaultyBytesError("is incomplete")
        return self._position

    def tell(self) -> int:
        """Return the number of bytes read or skipped."""
        return self._position

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it can skip: always."""
        return True

    def close(self) -> None:
        """Close both streams."""
        self._stream.close()
        super().close()

    def _counted(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._count(len(content))
        return content
