"""Sources of files: URLs and paths, displayed without their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Mapping


class SourceError(ScriptGraphError):
    """A source, `shown` without its secrets, is malformed or not supported."""

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(shown, reason)
        self.shown, self.reason = shown, reason

    def __str__(self) -> str:
        return f"{self.shown}: {self.reason}"


@dataclass(frozen=True)
class FileSource:
    """A URL or a path of a file.

    Attributes:
        url: the complete address with its secrets; never print it. Empty for a local file.
        path: the local file; None for a URL.
    """

    url: str
    path: Path | None

    @classmethod
    def parse(cls, source: str | Path, mirrors: Mapping[str, str] | None = None) -> FileSource:
        """Parse a URL (http, https, file) or a path.

        `mirrors` replaces prefixes of URLs ("https://host/" -> "http://mirror/host/", or a folder). The longest prefix
        that matches is replaced once; the original address is then not used.

        Raises:
            SourceError: the text is empty, or a URL with another scheme or without a host.
        """
        if isinstance(source, Path):
            return cls("", source)
        text, prefixes = source.strip(), mirrors or {}
        prefix = max((each for each in prefixes if each and text.startswith(each)), key=len, default="")
        if prefix:
            text = prefixes[prefix] + text[len(prefix) :]
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise SourceError(without_secrets(text), "is not a URL; check its host and port") from None
        scheme = parts.scheme.lower()
        if not scheme or "://" not in text:
            if not text:
                raise SourceError("(empty)", "is neither a URL nor a path; name one")
            return cls("", _expanded(text))
        if scheme == "file":
            if host not in {None, "", "localhost"}:
                raise SourceError(without_secrets(text), "names another machine; write file:///path")
            return cls("", Path(unquote(parts.path)))
        if scheme not in {"http", "https"}:
            raise SourceError(without_secrets(text), "has an unsupported scheme; use http, https or file")
        if not host:
            raise SourceError(without_secrets(text), "has no host; write https://HOST/PATH")
        return cls(text, None)

    def __str__(self) -> str:
        return str(self.path) if self.path is not None else without_secrets(self.url)

    def __repr__(self) -> str:
        return f"FileSource({str(self)!r})"

    @property
    def host(self) -> str:
        """The host name; empty for a local file."""
        return urlsplit(self.url).hostname or ""


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SourceError(text, "names the home folder of an unknown user; write the whole path") from None


def without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment; signed URLs carry their key in the query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(unreadable)"
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return f"{shown}?..." if parts.query else shown
