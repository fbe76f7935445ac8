"""Remove the names of persons and machines from documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from mlperf_home.contracts.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# An absolute path of at least two parts, outside addresses and words. System folders (/usr, /etc, ...) are kept.
_ABSOLUTE = re.compile(
    r"(?<![\w<>.:/~-])/(?!(?:usr|bin|sbin|lib|lib64|proc|sys|etc|dev)/)[\w.@+~:-]+(?:/[\w.@+~:-]+)+/?"
)
_SHORTEST = 2
_T = TypeVar("_T")


class Redaction:
    """Replaces folders by tokens, other absolute paths by their last part, and names by "<name>"."""

    def __init__(self, folders: Mapping[str, Path], names: Iterable[str] = ()) -> None:
        """Compile the patterns.

        Args:
            folders: folders by their token, such as "<home>".
            names: names of persons and machines; replaced only where one is a complete value.
        """
        tokens = {str(path).rstrip("/"): token for token, path in folders.items()}
        self._folders = [
            (re.compile(re.escape(path) + r"(?![\w.@+~-])"), token)
            for path, token in sorted(tokens.items(), key=lambda item: (-len(item[0]), item[0]))
            if len(path) >= _SHORTEST
        ]
        self._names = frozenset(name for name in names if name)

    def text(self, text: str) -> str:
        """Return a redacted text."""
        if text in self._names:
            return "<name>"
        for path, token in self._folders:
            text = path.sub(token, text)
        return _ABSOLUTE.sub(lambda match: f"<elsewhere>/{match.group().rstrip('/').rpartition('/')[2]}", text)

    def value(self, value: Any) -> Any:
        """Return a redacted JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value

    def document(self, document: _T) -> _T:
        """Return a redacted document."""
        return decode(self.value(encode(document)), type(document), type(document).__name__)
