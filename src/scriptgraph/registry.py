"""All scripts of some CM repositories: found by folder, selected by tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.errors import (
    AmbiguousScriptError,
    ManifestError,
    NoScriptError,
    nearest,
)
from scriptgraph.manifest_json import decode_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from scriptgraph.manifest import Manifest
    from scriptgraph.tags import Query

MANIFEST_NAME = "_cm.json"


class Registry:
    """Scripts by alias and by tag; the order of discovery never matters."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._by_alias: dict[str, Manifest] = {}
        self._by_tag: dict[str, set[str]] = {}
        for manifest in sorted(manifests, key=lambda each: (each.alias, str(each.folder))):
            if manifest.alias in self._by_alias:
                other = self._by_alias[manifest.alias].folder
                raise ManifestError(
                    manifest.folder / MANIFEST_NAME, "/alias", f"{manifest.alias!r} is taken by {other}; rename one"
                )
            self._by_alias[manifest.alias] = manifest
            for tag in {*manifest.tags, manifest.alias, manifest.uid}:
                self._by_tag.setdefault(tag, set()).add(manifest.alias)

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self._by_alias.values())

    def __len__(self) -> int:
        return len(self._by_alias)

    def select(self, query: Query) -> Manifest:
        """Give the one script that has all required tags and no excluded one.

        Where several fit, the one whose tags are exactly those asked for wins.

        Raises:
            NoScriptError: none fits; names the unknown tags and the closest scripts.
            AmbiguousScriptError: several fit.
        """
        matches = self._matches(query)
        if len(matches) > 1:
            exact = [alias for alias in matches if set(self._by_alias[alias].tags) == set(query.required)]
            matches = exact or matches
        if len(matches) > 1:
            raise AmbiguousScriptError(query.text, matches)
        if not matches:
            raise self._no_script(query)
        return self._by_alias[matches[0]]

    def candidates(self, tags: Iterable[str]) -> Iterator[Manifest]:
        """Give every script that has all these tags."""
        wanted = set(tags)
        return (each for each in self if wanted <= {*each.tags, each.alias, each.uid})

    def _matches(self, query: Query) -> list[str]:
        if not query.required:
            return []
        fitting = set.intersection(*(self._by_tag.get(tag, set()) for tag in query.required))
        for tag in query.excluded:
            fitting = fitting - self._by_tag.get(tag, set())
        return sorted(fitting)

    def _no_script(self, query: Query) -> NoScriptError:
        unknown = [tag for tag in query.required if tag not in self._by_tag]
        hints = [hint for tag in unknown for hint in nearest(tag, self._by_tag, 1)]
        wanted = {*query.required, *hints}
        scored = sorted((-len(wanted & {*each.tags, each.alias}), each.alias) for each in self)
        closest = [f"{alias} ({','.join(self._by_alias[alias].tags)})" for score, alias in scored[:3] if score]
        return NoScriptError(query.text, unknown, closest, hints)


def load_registry(roots: Sequence[Path]) -> Registry:
    """Read the manifests below each repository's `script/` folder.

    Raises:
        ManifestError: a manifest cannot be read, or two scripts share an alias.
    """
    manifests = []
    for root in dict.fromkeys(path.resolve() for path in roots):
        for path in sorted(root.glob(f"script/*/{MANIFEST_NAME}")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ManifestError(path, "", f"cannot be read: {error}") from error
            manifests.append(decode_manifest(text, path))
    return Registry(manifests)
