"""What scripts fetch, with the hashes that their manifests demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scriptgraph.embed import Manifest, Values

_URL, _HASHES = "CM_DOWNLOAD_URL", "CM_DOWNLOAD_HASHES"
_NOT_PUBLISHED = "no hash is published: the one of the first download is demanded of later ones"


def pinned_sources(scripts: Iterable[Manifest]) -> dict[str, str]:
    """Give the hashes of each first address that the manifests name, joined by spaces."""
    found = {}
    for manifest in scripts:
        for values in _blocks(manifest):
            addresses = _texts(values.get(_URL))
            if addresses and "://" in addresses[0] and "<<<" not in addresses[0]:
                found[addresses[0]] = " ".join(sorted(_texts(values.get(_HASHES)))) or _NOT_PUBLISHED
    return dict(sorted(found.items()))


def _blocks(manifest: Manifest) -> Iterator[Values]:
    yield from (manifest.default_env, manifest.env)
    for variation in manifest.variations.values():
        yield from (variation.default_env, variation.env)
        for need in (*variation.deps, *variation.post_deps):
            yield need.env
    for version in manifest.versions.values():
        yield version.env
    for need in (*manifest.deps, *manifest.post_deps):
        yield need.env


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(each) for each in value] if isinstance(value, tuple) else []
