"""Read YAML as JSON: what it has more is refused, and so is a text too large with its aliases written out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from scriptgraph.errors import ManifestError
from scriptgraph.files.json_reader import Limits
from scriptgraph.manifest.located_json import pointer_to

if TYPE_CHECKING:
    from pathlib import Path

# A second's work for the reader, which is written in Python; the longest manifests have 60,000 bytes.
_LIMITS = Limits(size=1 << 19, values=100_000)
_SHOWN = 60


def parse_yaml(text: str, path: Path) -> Any:
    """Parse YAML text.

    Raises:
        ManifestError: it is no YAML, holds what JSON does not have, or exceeds a limit.
    """
    if len(text.encode(errors="surrogatepass")) > _LIMITS.size:
        raise ManifestError(path, "", f"has more than {_LIMITS.size:,} bytes; write it in JSON")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise ManifestError(path, "", f"is nested more than {_LIMITS.depth} levels deep") from None
    except (yaml.YAMLError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise ManifestError(path, "", f"is not YAML: {problem}") from error
    if root is None:
        raise ManifestError(path, "", "is empty")
    return _Nodes(path).plain(root, "", _LIMITS.depth)


class _Nodes:
    """Turns nodes into what JSON would have given; one node with aliases stands for many values."""

    def __init__(self, path: Path) -> None:
        self._path, self._constructor = path, yaml.SafeLoader("")
        self._values_left, self._letters_left = _LIMITS.values, Limits().size

    def plain(self, node: Any, pointer: str, levels: int) -> Any:
        """Return a node's value, in which there may be so many levels."""
        self._count(node)
        if node.id != "scalar" and not levels:
            # The place is as long as it is deep.
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
            most = f"{_LIMITS.values:,} values or {Limits().size:,} letters"
            raise ManifestError(self._path, "", f"has more than {most}, its aliases written out")

    def _mapping(self, node: Any, pointer: str, levels: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            place = pointer + pointer_to(key)
            if key_node.id != "scalar" or key_node.tag == "tag:yaml.org,2002:merge":
                self._fail(place, "is no plain key; write the members out")
            if key in found:
                self._fail(place, "is there twice in one object")
            found[key] = self.plain(value, place, levels)
        return found

    def _scalar(self, node: Any, pointer: str) -> Any:
        shown = repr(node.value[:_SHOWN])
        try:
            value = self._constructor.construct_object(node)
        except Exception as error:  # a tag of another language's objects, or a number that is none
            problem = f"{shown} cannot be read ({node.tag}); put it in quotes"
            raise ManifestError(self._path, pointer, problem) from error
        finite = isinstance(value, float) and math.isfinite(value)
        if not (value is None or finite or isinstance(value, (str, bool, int))):
            self._fail(pointer, f"{shown} is a {type(value).__name__} to YAML; put it in quotes")
        return value

    def _fail(self, pointer: str, problem: str) -> NoReturn:
        raise ManifestError(self._path, pointer, problem)
