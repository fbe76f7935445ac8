"""Read an HTTP answer: which bytes of which version it has, and whether they can be the file."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from scriptgraph.fetch.failures import TransferFailed
from scriptgraph.fetch.partial_file import FileVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(?:(\d{1,18})|\*)", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
# Servers label files that are compressed already as encoded.
_ENCODED = {"gzip": (".gz", ".tgz"), "x-gzip": (".gz", ".tgz"), "br": (".br",), "zstd": (".zst", ".tzst")}
# Tags of the table for text/html in the MIME Sniffing Standard (WHATWG), behind an XML declaration and comments.
_BEFORE = rb"(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*"
_TAGS = rb"!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p"
_NOT_FILES = (
    (re.compile(_BEFORE + rb"<(?:" + _TAGS + rb")[\s>]", re.DOTALL), "a web page"),
    (re.compile(_BEFORE + rb"<error[\s>]", re.DOTALL), "an XML message"),
    (re.compile(rb"\{\s*\"errors?\"\s*:"), "an error message in JSON"),
    (re.compile(rb"version https://git-lfs"), "a Git LFS pointer, not the file itself"),
)
SNIFFED_BYTES = 4096


class ContentRange(NamedTuple):
    """The first and last byte of a part, and the length of the file; None for each that the answer does not tell."""

    first: int | None
    last: int | None
    total: int | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> ContentRange:
        """Read Content-Range (RFC 9110, 14.4)."""
        match = _RANGE.fullmatch(headers.get("Content-Range", ""))
        return cls(*(int(each) if each else None for each in (match.groups() if match else (None, None, None))))


def file_version(response: requests.Response) -> FileVersion:
    """Return the version of the file that an answer, whole or a part, belongs to."""
    headers = response.headers
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    total = ContentRange.of(headers).total
    if response.status_code == HTTPStatus.OK:
        total = content_length(headers)
    # If-Range compares strong ETags or exact dates only.
    exact = modified if _is_exact(modified, headers.get("Date", "")) else ""
    return FileVersion(etag if etag and not etag.startswith("W/") else exact, etag, modified, total)


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return Content-Length; None if it is absent, malformed or does not count the file's bytes."""
    length = headers.get("Content-Length", "")
    return int(length) if _LENGTH.fullmatch(length) and "Transfer-Encoding" not in headers else None


def _is_exact(modified: str, date: str) -> bool:
    """Whether a date of modification tells two versions apart: the file did not change again in that second.

    It is a second older than the answer (RFC 9110, 8.8.2.2).
    """
    try:
        return parsedate_to_datetime(date) - parsedate_to_datetime(modified) >= timedelta(seconds=1)
    except (TypeError, ValueError, OverflowError):
        return False


def require_part(response: requests.Response, have: int, known: FileVersion, *, checked: bool) -> int | None:
    """Return the length of the file whose rest an answer (206) has.

    Args:
        response: the answer.
        have: the number of bytes received before.
        known: the version that these belong to.
        checked: whether a hash will check the whole; otherwise the headers must show that both parts are of one file.

    Raises:
        TransferFailed: it is another part, or of another file.
    """
    part, version = ContentRange.of(response.headers), file_version(response)
    length = content_length(response.headers)
    total = part.total if part.total is not None else known.total_bytes
    fits = part.first == have and part.last is not None and (total is None or part.last < total)
    if fits and length is not None and part.last is not None:
        fits = length == part.last - have + 1
    same = not version.differs(known) and (checked or (version.proves(known) and total is not None))
    if not (fits and same):
        raise TransferFailed("the file changed during the download", transient=True)
    return total


def require_recordable(response: requests.Response, size_bytes: int | None) -> None:
    """Raise TransferFailed for an answer that may be another file, where no hash would reveal it."""
    headers = response.headers
    if headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml")):
        raise TransferFailed("the server sent a web page, not a file")
    schemes = [urlsplit(step.url).scheme for step in (*response.history, response)]
    if ("https", "http") in pairwise(schemes):
        raise TransferFailed("it redirects from https to http, and there is no hash to check the file; state one")
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity" and not urlsplit(response.url).path.endswith(_ENCODED.get(encoding, ())):
        raise TransferFailed(f"the server encoded the file ({encoding[:20]!r}), and there is no hash; state one")
    measured = size_bytes is not None or content_length(headers) is not None
    if not measured and headers.get("Transfer-Encoding", "").lower() != "chunked":
        raise TransferFailed("the server does not tell the file's length, and there is no hash to check it; state one")


def require_file(start: bytes, size_bytes: int) -> None:
    """Raise TransferFailed for content without a known hash that is hardly a file; `start` are its first bytes."""
    if not size_bytes:
        raise TransferFailed("the file is empty; state its hash if it should be")
    if words := recognise(start):
        raise TransferFailed(f"the content is {words}; state its hash if it should be")


def recognise(start: bytes) -> str:
    """Return the name of content that servers send instead of a file, by its first bytes; "" for other content."""
    # Without the marks and zeros of UTF-8 and UTF-16.
    text = start.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    text = (text.replace(b"\0", b"") if text is not start else text).lstrip().lower()
    return next((words for pattern, words in _NOT_FILES if pattern.match(text)), "")
