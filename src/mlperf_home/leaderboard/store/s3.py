"""Objects in a bucket of S3, or of a server that speaks its protocol, by obstore.

Endpoint, region and keys are those of the usual AWS_ variables of the environment, and are not kept. A mark names the
board that the prefix belongs to, so that two boards never replace each other's objects.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.objects import lost, object_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 30.0
"""A store that does not answer for so long is gone."""

_MARK = "mlperf-home-board.txt"
_MOST_MARK_BYTES = 4096
_KEYS = (
    "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SKIP_SIGNATURE",
)  # fmt: skip
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_MOST_LETTERS = 300
_MOST_BYTES = 1 << 30


class S3Objects:
    """Objects below a prefix of a bucket."""

    def __init__(self, place: str, owner: str) -> None:
        """Prepare access; nothing is sent yet.

        Args:
            place: s3://BUCKET/PREFIX.
            owner: one line that names the board and differs from other boards'.

        Raises:
            BoardError: the package is absent, no credentials are set, or a setting is malformed.
        """
        if find_spec("obstore") is None:
            advice = "pip install 'mlperf-home[s3]'"
            raise BoardError(place, "needs the package obstore, which is not installed", advice)
        if not any(os.environ.get(name) for name in _KEYS):
            advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL for a server of your own"
            raise BoardError(place, "cannot be used: the environment has no keys", advice)
        import obstore  # noqa: PLC0415 - the default needs no bucket
        from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: PLC0415

        self._place, self._owner, self._claimed = place, f"{owner}\n".encode(), False
        self._obstore, self._error, self._exists = obstore, BaseError, AlreadyExistsError
        with self._failing():
            self._store = _store(place)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn errors into the board's, but for FileNotFoundError of an object."""
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" not in str(error):
                raise
            raise BoardError(self._place, "cannot be used: there is no such bucket", "make the bucket first") from None
        except (self._error, OSError, ValueError) as error:
            words = " ".join(str(error).split("\n\n")[0].split())[:_MOST_LETTERS]
            advice = "check the server, AWS_ENDPOINT_URL and the keys; nothing is half-taken: the same command goes on"
            raise BoardError(self._place, f"cannot be used ({words})", advice) from None

    def require_free(self) -> None:
        """Raise BoardError if another board's mark is here, or if the bucket cannot be reached."""
        mark = self._get(_MARK, _MOST_MARK_BYTES)
        if mark not in {None, self._owner}:
            other = (mark or b"").decode(errors="replace").strip()[:80]
            raise BoardError(self._place, f"holds the objects of another board ({other!r})", "name another prefix")

    def _claim(self) -> None:
        """Write this board's mark if there is none. Raise BoardError if there is another's."""
        if not self._claimed and not self._put(_MARK, self._owner, absent=True):
            self.require_free()
        self._claimed = True

    def _put(self, name: str, content: bytes, *, absent: bool) -> bool:
        """Put an object, whole or not at all; return False if it must be absent and is not."""
        mode = "create" if absent else "overwrite"
        with self._failing():
            try:
                self._obstore.put(self._store, name, content, mode=mode, use_multipart=False)
            except self._exists:
                return False
        return True

    def _get(self, name: str, most: int = _MOST_BYTES) -> bytes | None:
        """Return an object; None if it is absent, and nothing of one that is larger than ours."""
        with self._failing():
            try:
                found = self._obstore.get(self._store, name)
                return bytes(found.bytes()) if found.meta["size"] <= most else b""
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    def keep(self, archive: Path, bundle: str) -> None:
        """Put an archive, in one request that the server takes as a whole or not at all."""
        self._claim()
        content, name = archive.read_bytes(), object_name(bundle)
        # A request whose answer was lost has put the same bytes.
        if not self._put(name, content, absent=True) and self._get(name) != content:
            self._put(name, content, absent=False)

    def archive(self, bundle: str, scratch: Path) -> Path:
        """Return the path of a copy of an archive."""
        name, target = object_name(bundle), scratch / f"{bundle}.tar.gz"
        content = self._get(name)
        if content is None:
            raise lost(f"{self._place}/{name}")
        try:
            target.write_bytes(content)
        except OSError as error:
            raise BoardError(target, f"cannot be written ({error.strerror})", "free some space") from None
        return target


def _store(place: str) -> Any:
    """Return the bucket with its prefix, with limits for time; the environment's AWS_ variables are read by obstore."""
    from obstore.store import S3Store  # noqa: PLC0415 - the default needs no bucket

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS)), "")
    return S3Store(
        bucket,
        prefix=prefix or None,
        **({"endpoint": endpoint} if endpoint else {}),
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=120),
        },
        retry_config={
            "max_retries": 1000,  # the time is what ends them
            "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=3), "base": 2},
            "retry_timeout": timedelta(seconds=PATIENCE_S),
        },
    )
