"""What a run and a look ahead work with: scripts, cache, folders, who is told, and the hooks that only look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Step
    from scriptgraph.product import Product

# Whose entries are made anew although they are there: none's, the requested script's, every step's.
Anew = Literal["none", "requested", "all"]
Announce = Callable[[str, str, Mapping[str, Any]], None]


class Runtime(Immutable):
    """What a run works with.

    Attributes:
        state: the folder for what is kept outside the cache.
        run_folder: this run's record, logs and the output of steps that are not cached.
        announce: told of each event: its kind, the step's title, and details.
        anew: which steps make their entry anew although it is there.
        digests: what scripts consist of, hashed in this run and in earlier ones; None to hash it each time.
    """

    product: Product
    registry: Registry
    cache: Cache
    state: Path
    run_folder: Path
    switches: Switches = Switches()
    announce: Announce = lambda _kind, _title, _details: None
    digests: KnownDigests | None = None
    anew: Anew = "none"


class Surroundings:
    """What handlers of a plan share: a step's context, its identity, and whether an entry of the cache will do."""

    def __init__(self, runtime: Runtime, requested: str) -> None:
        """Take the runtime, and the alias of the script that was asked for."""
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
        """Return what a step's code sees; a hook that only looks needs no folders of its own."""
        runtime = self.runtime
        folder, record = output or runtime.run_folder, runtime.run_folder / "record.json"
        partial_folder = unfinished or runtime.cache.root / "partial"
        folders = Folders(folder, partial_folder, runtime.state, log or self.log_of("fingerprints"), record)
        return Context(step.manifest, env, folders, runtime.switches, partial(self.tell, step), also_reads)

    def identity(self, step: Step, env: Environment, dependency_keys: Iterable[str]) -> dict[str, Any]:
        """Return what a step's result is made from; `content_key` of it names the cache's entry.

        A script may add what its inputs contain by its hook `fingerprint`: the content of a user's file.

        Raises:
            ScriptGraphError: the hook failed, or the script's code is not there.
        """
        manifest, runtime = step.manifest, self.runtime
        hook = hook_of(manifest, "fingerprint")
        fingerprint = str(hook(self.context(step, env))) if hook else ""
        return {
            "alias": manifest.alias,
            # Uncached steps need an identity only within one run, in which their files are the same.
            "content": content_digest(manifest, runtime.digests) if manifest.cache else str(manifest.folder),
            "variations": sorted(each.written for each in step.variations),
            "version": step.version,
            # A path into the cache is replaced by a mark, so that moving the cache keeps its entries.
            "reads": {key: self._movable(repr(value)) for key, value in env.only(manifest.reads).items()},
            "dependencies": sorted(set(dependency_keys)),
            "fingerprint": fingerprint,
        }

    def _movable(self, text: str) -> str:
        return self.runtime.cache.movable(text) if "/" in text or "{" in text else text

    def usable(self, step: Step, env: Environment, key: str, log: Path | None = None) -> Entry | None:
        """Return the entry of the cache that will do: it is there, not to be made anew, and its script verifies it."""
        anew = self.runtime.anew
        if anew == "all" or (anew == "requested" and step.manifest.alias == self._requested):
            return None
        found = self.runtime.cache.find(key)
        verify = hook_of(step.manifest, "verify") if found else None
        if found is None or verify is None:
            return found
        checked = env.merged(found.exports, Layer.OVERRIDE, "cache")
        # The script looks at what it exported then, which it does not read otherwise.
        context = self.context(step, checked, output=found.content, log=log, also_reads=found.exports)
        return found if verify(context) else None

    def log_of(self, name: str) -> Path:
        """Return the path of a log of this run."""
        return self.runtime.run_folder / "logs" / f"{name}.log"

    def tell(self, step: Step, kind: str, details: Mapping[str, Any]) -> None:
        """Announce an event of a step."""
        if kind == "progressed":
            raise_if_stopped()
        self.runtime.announce(kind, step.title, details)
