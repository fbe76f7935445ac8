"""A server on the loopback that speaks S3, and the environment that leads to it."""

from __future__ import annotations

import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "boards"
SECRET = "not-so-secret"  # noqa: S105 - the server asks for none


@dataclass
class S3Server:
    """A server whose objects outlive its stops."""

    running: Any
    port: int = 0

    @property
    def endpoint(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to the server."""
        keys = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
        return {**keys, "AWS_ENDPOINT_URL": self.endpoint}

    def start(self) -> None:
        """Start it, on the same port as before."""
        from moto.server import ThreadedMotoServer

        self.running = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self.running.start()
        self.port = self.running.get_host_and_port()[1]

    def make_bucket(self) -> None:
        """Make the bucket."""
        request = urllib.request.Request(f"{self.endpoint}/{BUCKET}", method="PUT")  # noqa: S310 - our server
        urllib.request.urlopen(request).close()  # noqa: S310

    def put(self, name: str, content: bytes) -> None:
        """Put an object, whether there is one or not."""
        import obstore
        from obstore.store import S3Store

        store = S3Store(BUCKET, endpoint=self.endpoint, client_options={"allow_http": True})
        obstore.put(store, name, content)

    def names(self) -> list[str]:
        """Return the names of all objects."""
        from moto.s3.models import s3_backends

        backend = s3_backends["123456789012"]["aws"]
        return sorted(backend.buckets[BUCKET].keys)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the server be gone for a while."""
        self.running.stop()
        yield
        self.start()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Yield a server with a bucket, and set the environment; skip the test without moto or obstore."""
    pytest.importorskip("obstore")
    pytest.importorskip("moto.server")
    server = S3Server(None)
    server.start()
    server.make_bucket()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        try:
            yield server
        finally:
            server.running.stop()
