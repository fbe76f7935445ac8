"""A web server on this machine that fails as real ones do, on command.

    with FaultyServer() as server:
        server.serve("/model.onnx", truncated(content, 100), whole(content))
        ... fetch server.url("/model.onnx") ...
        assert server.seen[1].headers["Range"] == "bytes=100-"

Each request for a path takes the path's next behaviour; the last one repeats.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Seen:
    """A request that the server received."""

    path: str
    headers: dict[str, str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.owner.answer(self)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: FaultyServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the error: in some tests the client ends the connection."""


Behaviour = Callable[[_Handler], None]


class FaultyServer:
    """The server; `with` starts and stops it."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.released = threading.Event()
        self._behaviours: dict[str, list[Behaviour]] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> FaultyServer:  # noqa: PYI034 - Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, path: str, *behaviours: Behaviour) -> str:
        """Set the behaviours of a path; return its URL."""
        self._behaviours[path] = list(behaviours)
        return self.url(path)

    def answer(self, handler: _Handler) -> None:
        self.seen.append(Seen(handler.path, dict(handler.headers.items())))
        behaviours = self._behaviours.get(handler.path.partition("?")[0], [status(404)])
        (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(handler)


def _begin(handler: _Handler, code: int, headers: dict[str, str]) -> None:
    handler.send_response_only(code)
    for name, value in {"Connection": "close", **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()


def whole(
    content: bytes,
    *,
    etag: str = '"v1"',
    ranges: bool = True,
    guarded: bool = True,
    headers: dict[str, str] | None = None,
) -> Behaviour:
    """Serve the whole file correctly: with ranges, guarded by If-Range."""

    def behave(handler: _Handler) -> None:
        requested = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        current = not guarded or handler.headers.get("If-Range") in {None, etag}
        validator = {"ETag": etag} if etag else {}
        extra = {**validator, **(headers or {})}
        if not (ranges and requested and current):
            _begin(handler, 200, {"Content-Length": str(len(content)), **extra})
            handler.wfile.write(content)
            return
        start = int(requested[1])
        if start >= len(content):
            _begin(handler, 416, {"Content-Length": "0", "Content-Range": f"bytes */{len(content)}"})
            return
        part = content[start:]
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        _begin(handler, 206, {"Content-Length": str(len(part)), "Content-Range": where, **extra})
        handler.wfile.write(part)

    return behave


def truncated(content: bytes, at: int, *, etag: str = '"v1"', headers: dict[str, str] | None = None) -> Behaviour:
    """Promise the whole length, and end the connection after `at` bytes; `headers` replace the ETag."""

    def behave(handler: _Handler) -> None:
        _begin(handler, 200, {"Content-Length": str(len(content)), **({"ETag": etag} if headers is None else headers)})
        handler.wfile.write(content[:at])

    return behave


def part(content: bytes, start: int, headers: dict[str, str]) -> Behaviour:
    """Send the rest of a file, whatever was requested."""

    def behave(handler: _Handler) -> None:
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        _begin(handler, 206, {"Content-Length": str(len(content) - start), "Content-Range": where, **headers})
        handler.wfile.write(content[start:])

    return behave


def cut_chunks(content: bytes) -> Behaviour:
    """Answer in chunks, and end within a chunk."""

    def behave(handler: _Handler) -> None:
        _begin(handler, 200, {"Transfer-Encoding": "chunked"})
        handler.wfile.write(b"%x\r\n%s" % (len(content) + 10, content))

    return behave


def reset(content: bytes, at: int) -> Behaviour:
    """Reset the connection (RST, not FIN) after `at` bytes."""

    def behave(handler: _Handler) -> None:
        _begin(handler, 200, {"Content-Length": str(len(content))})
        handler.wfile.write(content[:at])
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.rfile.close()
        handler.connection.close()

    return behave


def stall(server: FaultyServer, content: bytes, at: int) -> Behaviour:
    """Send nothing after `at` bytes, until the server is closed."""

    def behave(handler: _Handler) -> None:
        _begin(handler, 200, {"Content-Length": str(len(content)), "ETag": '"v1"'})
        handler.wfile.write(content[:at])
        handler.wfile.flush()
        server.released.wait()

    return behave


def status(code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Behaviour:
    """Answer with a status, without the file."""

    def behave(handler: _Handler) -> None:
        _begin(handler, code, {"Content-Length": str(len(body)), **(headers or {})})
        handler.wfile.write(body)

    return behave


def endless(code: int, headers: dict[str, str]) -> Behaviour:
    """Answer with a status and content that never ends."""

    def behave(handler: _Handler) -> None:
        _begin(handler, code, headers)
        while True:
            handler.wfile.write(bytes(1 << 16))

    return behave


def redirect(location: str) -> Behaviour:
    """Redirect to another address."""
    return status(302, {"Location": location})


def unmeasured(content: bytes) -> Behaviour:
    """Serve the file without its length."""

    def behave(handler: _Handler) -> None:
        _begin(handler, 200, {})
        handler.wfile.write(content)

    return behave


def raw(answer: bytes) -> Behaviour:
    """Send exactly these bytes."""

    def behave(handler: _Handler) -> None:
        handler.wfile.write(answer)

    return behave
