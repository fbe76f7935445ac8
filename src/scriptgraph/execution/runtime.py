"""The settings of a run or a preview, and the common base of their handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from scriptgraph.execution.context import Context, Folders, Switches
from scriptgraph.execution.run_step import content_digest, hook_of
from scriptgraph.immutable import Immutable
from scriptgraph.planning.environment import Layer
from scriptgraph.process.interruption import raise_if_stopped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scriptgraph.cache.digests import KnownDigests
    from scriptgraph.cache.store import Cache, Entry
    from scriptgraph.catalog.registry import Registry
    from scriptgraph.execution.nested import RunForeign
    from scriptgraph.execution.traversal import TableRow
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Step
    from scriptgraph.product import Product

# The steps whose existing cache entries are rebuilt: none, the requested script's, or all.
Rebuild = Literal["none", "requested", "all"]
Announce = Callable[[str, str, Mapping[str, Any]], None]


class Runtime(Immutable):
    """The settings of a run.

    Attributes:
        state: the folder for results and other files kept outside the cache.
        run_folder: the folder for this run's record, logs and the output of uncached steps.
        announce: called for each event with its kind, the step's title, and details.
        rebuild: the steps whose existing cache entries are rebuilt.
        foreign: runs the code of scripts from other people's collections; None where there are none.
        digests: digests of scripts' content from this run and earlier ones; None to compute them each time.
    """

    product: Product
    registry: Registry
    cache: Cache
    state: Path
    run_folder: Path
    switches: Switches = Switches()
    announce: Announce = lambda _kind, _title, _details: None
    digests: KnownDigests | None = None
    rebuild: Rebuild = "none"
    foreign: RunForeign | None = None


class PlanHandler:
    """The base of handlers: a step's context, its identity, and its usable cache entry."""

    def __init__(self, runtime: Runtime, requested: str) -> None:
        """Take the runtime, and the alias of the requested script."""
        self.runtime, self._requested = runtime, requested

    def context(
        self,
        step: Step,
        env: Environment,
        *,
        output: Path | None = None,
        unfinished: Path | None = None,
        log: Path | None = None,
        also_reads: Iterable[str] = (),
    ) -> Context:
        """Return the context for a step's code; hooks that only read need no folders of their own."""
        runtime = self.runtime
        folder, record = output or runtime.run_folder, runtime.run_folder / "record.json"
        partial_folder = unfinished or runtime.cache.root / "partial"
        folders = Folders(folder, partial_folder, runtime.state, log or self.log_of("fingerprints"), record)
        return Context(step.manifest, env, folders, runtime.switches, partial(self.tell, step), also_reads)

    def identity(self, step: Step, env: Environment, dependency_keys: Iterable[str]) -> dict[str, Any]:
        """Return everything that determines a step's result; its `content_key` names the cache entry.

        A script's hook `fingerprint` may add the content of its inputs, such as a user's file.

        Raises:
            ScriptGraphError: the hook failed, or the script's code is missing.
        """
        manifest, runtime = step.manifest, self.runtime
        hook = hook_of(manifest, "fingerprint")
        fingerprint = str(hook(self.context(step, env))) if hook else ""
        return {
            "alias": manifest.alias,
            # Uncached steps need an identity only within one run, during which their files do not change.
            "content": content_digest(manifest, runtime.digests) if manifest.cache else str(manifest.folder),
            "variations": sorted(each.written for each in step.variations),
            "version": step.version,
            # Paths into the cache are replaced by a mark, so that entries survive a move of the cache.
            "reads": {key: self._movable(repr(value)) for key, value in env.only(manifest.reads).items()},
            "dependencies": sorted(set(dependency_keys)),
            "fingerprint": fingerprint,
        }

    def _movable(self, text: str) -> str:
        return self.runtime.cache.movable(text) if "/" in text or "{" in text else text

    def usable(self, step: Step, env: Environment, key: str, log: Path | None = None) -> Entry | None:
        """Return the step's cache entry if it exists, need not be rebuilt, and passes its script's hook `verify`."""
        rebuild = self.runtime.rebuild
        if rebuild == "all" or (rebuild == "requested" and step.manifest.alias == self._requested):
            return None
        found = self.runtime.cache.find(key)
        if found is not None and step.manifest.foreign is not None and self.runtime.cache.dangles(found):
            return None
        verify = hook_of(step.manifest, "verify") if found else None
        if found is None or verify is None:
            return found
        checked = env.merged(found.exports, Layer.OVERRIDE, "cache")
        # The hook also reads the entry's exports.
        context = self.context(step, checked, output=found.content, log=log, also_reads=found.exports)
        return found if verify(context) else None

    def log_of(self, name: str) -> Path:
        """Return the path of a log of this run."""
        return self.runtime.run_folder / "logs" / f"{name}.log"

    def row(self, row: TableRow) -> AbstractContextManager[None]:  # noqa: ARG002 - a run announces it, a preview does not
        """Return a context for the work of a table row."""
        return nullcontext()

    def tell(self, step: Step, kind: str, details: Mapping[str, Any]) -> None:
        """Announce an event of a step."""
        if kind == "progressed":
            raise_if_stopped()
        self.runtime.announce(kind, step.title, details)
