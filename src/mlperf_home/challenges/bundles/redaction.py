"""Take what names a person or a machine out of documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from mlperf_home.contracts.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# An absolute path of two parts or more that is no part of an address or of another word; the system's own stay.
_ABSOLUTE = re.compile(
    r"(?<![\w<>.:/~-])/(?!(?:usr|bin|sbin|lib|lib64|proc|sys|etc|dev)/)[\w.@+~:-]+(?:/[\w.@+~:-]+)+/?"
)
_SHORTEST = 2
_T = TypeVar("_T")


class Redaction:
    """Takes what names a person or a machine out of texts: folders get a word, other paths keep their end."""

    def __init__(self, folders: Mapping[str, Path], names: Iterable[str] = ()) -> None:
        """Take folders by what stands in their place ("<home>"), and names, replaced where one is a whole value."""
        written = {str(path).rstrip("/"): token for token, path in folders.items()}
        self._folders = [
            (re.compile(re.escape(path) + r"(?![\w.@+~-])"), token)
            for path, token in sorted(written.items(), key=lambda each: (-len(each[0]), each[0]))
            if len(path) >= _SHORTEST
        ]
        self._names = frozenset(name for name in names if name)

    def text(self, text: str) -> str:
        """Return a text without them."""
        if text in self._names:
            return "<name>"
        for path, token in self._folders:
            text = path.sub(token, text)
        return _ABSOLUTE.sub(lambda found: f"<elsewhere>/{found.group().rstrip('/').rpartition('/')[2]}", text)

    def value(self, value: Any) -> Any:
        """Return JSON without them, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value

    def document(self, document: _T) -> _T:
        """Return a document without them."""
        return decode(self.value(encode(document)), type(document), type(document).__name__)
