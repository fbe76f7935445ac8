"""Where a bundle is sent to: the service of a board, or a git repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from mlperf_home.errors import LocatedError
from mlperf_home.submission.git import GitUrlError, checked_url

_SCP_LIKE = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9._-]+:[^\s]+")
_ADVICE = "write the address of a board's service, https://..., or of a git repository, git+https://... or ssh://..."


class SendingError(LocatedError):
    """A bundle cannot be sent."""


@dataclass(frozen=True)
class Destination:
    """The service or the repository at an address."""

    kind: Literal["service", "git"]
    address: str

    @property
    def is_open_to_listeners(self) -> bool:
        """Whether others on the way can read what is sent."""
        parts = urlsplit(self.address)
        return parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}


def destination_of(text: str) -> Destination:
    """Return the destination that a text names.

    `git+ADDRESS`, an address that ends in .git, ssh://, NAME@HOST:PATH and a folder are repositories; another http
    address is a service.

    Raises:
        SendingError: it names neither.
    """
    is_git = text.startswith(("git+", "ssh://", "file://")) or text.endswith(".git")
    if is_git or _SCP_LIKE.fullmatch(text) or Path(text).expanduser().is_dir():
        try:
            return Destination("git", checked_url(text.removeprefix("git+")))
        except GitUrlError as error:
            raise SendingError("--to", f"{error.where} {error.problem}", error.advice) from None
    return Destination("service", _service(text))


def _service(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not (text.isascii() and text.isprintable()) or " " in text:
        raise SendingError("--to", f"{text[:80]!r} is no address", _ADVICE)
    if parts.username is not None or parts.query or parts.fragment:
        raise SendingError(
            "--to", "the address has a name, a query or a fragment", "write the address of the first page"
        )
    return text.rstrip("/").removesuffix("/index.html")
