"""The scripts and cache entries that a foreign script asks for by `cmind.access`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cache.contents import choose, read_entries
from scriptgraph.cache.inventory import CONTENT
from scriptgraph.compat.blocks import raw_value, texts
from scriptgraph.errors import StepFailed
from scriptgraph.manifest.queries import parse_query
from scriptgraph.manifest.types import Dependency

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scriptgraph.execution.nested import Nested
    from scriptgraph.manifest.types import Value

_OF_RUNS = frozenset({
    "tags", "artifact", "env", "state", "quiet", "v", "verbose", "adr", "add_deps", "add_deps_recursive", "ad",
    "version", "version_min", "version_max", "print_deps", "print_env", "fake_run", "fake_deps", "time", "const",
    "const_state", "recursion_spaces", "rerun", "skip_cache", "new", "silent", "save_env", "ignore_script_error",
    "force_cache", "path",
})  # fmt: skip


def requested_script(fields: Mapping[str, Any], env: Mapping[str, Value]) -> Dependency:
    """Return a request of a script's code as a dependency.

    Raises:
        StepFailed: it names no script.
    """
    tags = ",".join(texts(fields.get("tags") or str(fields.get("artifact", "")).replace(" ", ",")))
    if not tags:
        raise StepFailed("a script asked for another script without naming its tags; correct its customize.py")
    options = {key: value for key, value in fields.items() if key not in _OF_RUNS and not isinstance(value, dict)}
    return Dependency(
        tags=tags,
        env=env,
        options={key: raw_value(value, key) for key, value in options.items()},
        lenient=True,
        keeps=("*",),
        version=str(fields.get("version", "")),
        version_min=str(fields.get("version_min", "")),
        version_max=str(fields.get("version_max", "")),
    )


def find_artifacts(request: Mapping[str, Any], nested: Nested) -> list[dict[str, Any]]:
    """Return the folders and manifests of the scripts, or of the cache entries, that have all tags."""
    query = parse_query(",".join(texts(request.get("tags"))))
    found = _scripts(query.required, nested) if request["automation"] == "script" else _entries(query, nested)
    return list(found)


def _scripts(tags: tuple[str, ...], nested: Nested) -> Iterator[dict[str, Any]]:
    for manifest in nested.registry.candidates(tags, nested.ready.step.manifest.repository):
        meta = manifest.foreign.meta if manifest.foreign is not None else {}
        own = {"alias": manifest.alias, "uid": manifest.uid, "tags": list(manifest.tags)}
        yield {"path": str(manifest.folder), "meta": {**own, **meta}}


def _entries(query: Any, nested: Nested) -> Iterator[dict[str, Any]]:
    for entry in choose(read_entries(nested.cache), query):
        words = sorted(entry.tags | {f"_{each}" for each in entry.variations})
        yield {"path": str(entry.path / CONTENT), "meta": {"tags": words, "uid": entry.key[:16], "alias": ""}}
