"""Parse the subset of YAML that equals JSON; aliases count with their expanded size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from scriptgraph.errors import ManifestError
from scriptgraph.files.json_reader import DOCUMENT, Limits
from scriptgraph.manifest.located_json import pointer_to

if TYPE_CHECKING:
    from pathlib import Path

# The YAML reader, written in Python, takes about a second for this.
_LIMITS = Limits(size=1 << 19, values=100_000)
_SHOWN = 60


def parse_yaml(text: str, path: Path, *, lenient: bool = False) -> Any:
    """Parse YAML text; if `lenient`, of duplicate keys the last counts, and dates stay text.

    Raises:
        ManifestError: the text is not YAML, has values that JSON lacks, or exceeds a limit.
    """
    if len(text.encode(errors="surrogatepass")) > _LIMITS.size:
        raise ManifestError(path, "", f"has more than {_LIMITS.size:,} bytes; write it in JSON")
    try:
        # The reader written in C is twenty times as fast, but words its errors differently.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if lenient else yaml.SafeLoader
        root = yaml.compose(text, Loader=loader)
    except RecursionError:
        raise ManifestError(path, "", f"is nested more than {_LIMITS.depth} levels deep") from None
    except (yaml.YAMLError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise ManifestError(path, "", f"is not YAML: {problem}") from error
    if root is None:
        raise ManifestError(path, "", "is empty")
    return _Nodes(path, lenient=lenient).plain(root, "", _LIMITS.depth)


class _Nodes:
    """Converts YAML nodes to JSON values, counting an aliased node once for each alias."""

    def __init__(self, path: Path, *, lenient: bool = False) -> None:
        self._path, self._constructor, self._lenient = path, yaml.SafeLoader(""), lenient
        self._values_left, self._letters_left = _LIMITS.values, DOCUMENT.size

    def plain(self, node: Any, pointer: str, levels: int) -> Any:
        """Return a node's value, nested at most `levels` deep."""
        self._count(node)
        if node.id != "scalar" and not levels:
            # Without the pointer, which would be as long as the nesting is deep.
            raise ManifestError(self._path, "", f"is nested more than {_LIMITS.depth} levels deep")
        if node.id == "mapping":
            return self._mapping(node, pointer, levels - 1)
        if node.id == "sequence":
            return [self.plain(each, f"{pointer}/{number}", levels - 1) for number, each in enumerate(node.value)]
        return self._scalar(node, pointer)

    def _count(self, node: Any) -> None:
        self._values_left -= 1
        self._letters_left -= len(node.value) if node.id == "scalar" else 0
        if self._values_left < 0 or self._letters_left < 0:
            most = f"{_LIMITS.values:,} values or {DOCUMENT.size:,} letters"
            raise ManifestError(self._path, "", f"has more than {most} with its aliases expanded; shorten it")

    def _mapping(self, node: Any, pointer: str, levels: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            place = pointer + pointer_to(key)
            if key_node.id != "scalar" or key_node.tag == "tag:yaml.org,2002:merge":
                self._fail(place, "is not a plain key; write the members out")
            if key in members and not self._lenient:
                self._fail(place, "is a duplicate in one object; keep one")
            members[key] = self.plain(value, place, levels)
        return members

    def _scalar(self, node: Any, pointer: str) -> Any:
        shown = repr(node.value[:_SHOWN])
        try:
            value = self._constructor.construct_object(node)
        except Exception as error:  # a language-specific tag, or an invalid number
            problem = f"{shown} cannot be read ({node.tag}); put it in quotes"
            raise ManifestError(self._path, pointer, problem) from error
        if self._lenient and not (value is None or isinstance(value, (str, bool, int, float))):
            return str(node.value)
        finite = isinstance(value, float) and math.isfinite(value)
        if not (value is None or finite or isinstance(value, (str, bool, int))):
            self._fail(pointer, f"{shown} is a {type(value).__name__} to YAML; put it in quotes")
        return value

    def _fail(self, pointer: str, problem: str) -> NoReturn:
        raise ManifestError(self._path, pointer, problem)
