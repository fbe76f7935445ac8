"""Tiny scripts for tests: manifests from plain dictionaries, in memory or as real folders."""

from __future__ import annotations

import hashlib
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.product import PRODUCT
from scriptgraph.api import Switches
from scriptgraph.cache.store import LAYOUT, Cache
from scriptgraph.catalog.registry import Registry, load_registry
from scriptgraph.execution.executor import execute
from scriptgraph.execution.record import Record, new_run_folder
from scriptgraph.execution.runtime import Runtime
from scriptgraph.manifest.decoding import decode_manifest, decode_override
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.plan import Request
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scriptgraph.execution.runtime import Rebuild
    from scriptgraph.manifest.types import Manifest
    from scriptgraph.planning.plan import Plan, Step


def document(alias: str, **fields: Any) -> dict[str, Any]:
    """Return a manifest's document; its only tag is its alias unless `tags` says more."""
    uid = hashlib.sha256(alias.encode()).hexdigest()[:16]
    return {"alias": alias, "uid": uid, "tags": [alias], **fields}


def manifest(alias: str, **fields: Any) -> Manifest:
    return decode_manifest(json.dumps(document(alias, **fields)), Path("/scripts") / alias / "_cm.json")


def registry_of(documents: Mapping[str, Mapping[str, Any]]) -> Registry:
    """Return a registry of documents by alias."""
    return Registry(manifest(alias, **fields) for alias, fields in documents.items())


def request_of(
    tags: str,
    inputs: Mapping[str, Any] | None = None,
    env: Mapping[str, Any] | None = None,
    adr: Mapping[str, Mapping[str, Any]] | None = None,
) -> Request:
    overrides = {name: decode_override(fields) for name, fields in (adr or {}).items()}
    return Request(parse_query(tags), inputs or {}, env or {}, overrides)


def plan_of(documents: Mapping[str, Mapping[str, Any]], tags: str, **fields: Any) -> Plan:
    """Resolve a request against documents by alias."""
    return resolve(request_of(tags, **fields), registry_of(documents))


def titles(plan: Plan) -> list[str]:
    """Return the titles of the resolved steps, in order."""
    return [step.title for step in plan.steps()]


def step_of(plan: Plan, alias: str) -> Step:
    """Return the only step of a script."""
    (only,) = [step for step in plan.steps() if step.manifest.alias == alias]
    return only


class ScriptFolders:
    """A CM repository on disk, written script by script."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, alias: str, body: str = "", /, **fields: Any) -> Path:
        """Write a script; `body` is its customize.py below the imports."""
        folder = self.root / "script" / alias
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "_cm.json").write_text(json.dumps(document(alias, **fields)), encoding="utf-8")
        if body:
            head = "from scriptgraph.api import Context, Done, Run, Skip, StepFailed\n\n"
            (folder / "customize.py").write_text(head + textwrap.dedent(body), encoding="utf-8")
        return folder


def files_below(folder: Path) -> Iterator[str]:
    """Return all files below a folder, sorted and relative to it."""
    return (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file())


class Bench:
    """Plans and executes scripts of a `ScriptFolders` in this process, without the command line."""

    def __init__(self, folder: Path) -> None:
        self.scripts = ScriptFolders(folder / "repo")
        self.cache = Cache(folder / "home" / "cache")
        self.cache.prepare()
        self.home = folder / "home"
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.run_folder = folder / "none"

    def run(self, tags: str, switches: Switches | None = None, rebuild: Rebuild = "none", **fields: Any) -> Record:
        """Run a request and return its record; `run_folder` is then the record's folder."""
        registry = load_registry([self.scripts.root])
        plan = resolve(request_of(tags, **fields), registry)
        self.run_folder = new_run_folder(self.home / "records", plan.root.manifest.alias)
        runtime = self.runtime(registry, self.run_folder).replaced(switches=switches or Switches(), rebuild=rebuild)
        return execute(plan, runtime, {"tags": tags})

    def runtime(self, registry: Registry, run_folder: Path) -> Runtime:
        """Return the runtime of a run or a preview; `events` records its events."""
        return Runtime(PRODUCT, registry, self.cache, self.home / "state", run_folder, announce=self._record_event)

    def written_record(self) -> dict[str, Any]:
        """Read the record of the last run from its file."""
        return dict(json.loads((self.run_folder / "record.json").read_text(encoding="utf-8")))

    def entries(self) -> list[str]:
        """Return the files of all cache entries."""
        return list(files_below(self.cache.root / LAYOUT))

    def _record_event(self, kind: str, title: str, details: Mapping[str, Any]) -> None:
        self.events.append((kind, title, dict(details)))


def exporting(**exports: Any) -> str:
    """Return the body of a script that exports values."""
    return f"def preprocess(context: Context) -> Done:\n    return Done({exports!r})"


def raising(error: str) -> str:
    """Return the body of a script that raises an error, an expression."""
    return f"def preprocess(context: Context) -> Done:\n    raise {error}"
