"""Where a file can be had: URLs and paths, shown without their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Mapping


class SourceError(ScriptGraphError):
    """A source, `shown` without its secrets, is written in a way that cannot be used."""

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(shown, reason)
        self.shown, self.reason = shown, reason

    def __str__(self) -> str:
        return f"{self.shown}: {self.reason}"


@dataclass(frozen=True)
class Source:
    """One place that has the file.

    Attributes:
        url: the address as given, secrets and all; never print it. Empty for a local file.
        path: the local file; None for a URL.
    """

    url: str
    path: Path | None

    @classmethod
    def parse(cls, given: str | Path, mirrors: Mapping[str, str] | None = None) -> Source:
        """Read a URL (http, https, file) or a path.

        `mirrors` are replacements of URL prefixes ("https://host/" -> "http://mirror/host/", or a folder). The longest
        one that fits is applied, once; the original address is then not asked.

        Raises:
            SourceError: another scheme, or a URL without a host.
        """
        if isinstance(given, Path):
            return cls("", given)
        text, prefixes = given.strip(), mirrors or {}
        prefix = max((each for each in prefixes if each and text.startswith(each)), key=len, default="")
        if prefix:
            text = prefixes[prefix] + text[len(prefix) :]
        try:
            parts = urlsplit(text)
            host = parts.hostname
        except ValueError:
            raise SourceError(without_secrets(text), "it is no URL; check its host and port") from None
        scheme = parts.scheme.lower()
        if not scheme or "://" not in text:
            if not text:
                raise SourceError("(nothing)", "an empty text is no URL and no path")
            return cls("", Path(text).expanduser())
        if scheme == "file":
            if host not in {None, "", "localhost"}:
                raise SourceError(without_secrets(text), "it names another computer; write file:///path")
            return cls("", Path(unquote(parts.path)))
        if scheme not in {"http", "https"}:
            raise SourceError(without_secrets(text), "only http, https and file can be fetched")
        if not host:
            raise SourceError(without_secrets(text), "it has no host")
        return cls(text, None)

    def __str__(self) -> str:
        return str(self.path) if self.path is not None else without_secrets(self.url)

    def __repr__(self) -> str:
        return f"Source({str(self)!r})"

    @property
    def host(self) -> str:
        """The host's name; empty for a local file."""
        return urlsplit(self.url).hostname or ""


def without_secrets(url: str) -> str:
    """Drop user, password, query and fragment: signed addresses carry their key in the query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(unreadable)"
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return f"{shown}?..." if parts.query else shown
