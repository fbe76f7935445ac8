"""A record from elsewhere: which scripts it may select, what it would run, and what it may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.catalog.registry import Registry
from scriptgraph.cli.runs.recorded_request import overridden, recorded_request
from scriptgraph.cli.runs.review import (
    Roles,
    is_shipped,
    recorded_values,
    review_lines,
    summary,
    with_outputs_below,
)
from scriptgraph.errors import NoScriptError, RequestError
from scriptgraph.immutable import Immutable
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.cli.runs.record_file import RecordFile
    from scriptgraph.manifest.types import Manifest
    from scriptgraph.planning.plan import Request


class ReviewedRecord(Immutable):
    """What a record from elsewhere would run.

    Attributes:
        request: its request, with every output below `outputs`, and the typed options.
        registry: the scripts that it may select.
        outputs: the folder for its outputs.
        lines: its scripts and values, for people.
        summary: the same in a few words.
    """

    request: Request
    registry: Registry
    outputs: Path
    lines: list[str]
    summary: str


def review_record(record: RecordFile, typed: Request, every: Registry, shipped: Path, home: Path) -> ReviewedRecord:
    """Resolve the request of a record from elsewhere without running anything.

    Args:
        record: the record.
        typed: the options typed with the replay; they are the user's own.
        every: all scripts.
        shipped: the product's own repository.
        home: the home folder; outputs go to `replays/` in it.

    Raises:
        ScriptGraphError: the request cannot be resolved, or selects another script than the recorded one.
    """
    recorded, known = recorded_request(record.document), _RecordedScripts(record)
    registry = Registry(each for each in every if is_shipped(each, shipped) or known.has(each))
    try:
        plan = resolve(overridden(recorded, typed), registry)
    except NoScriptError:
        # Raises the same error, unless a script of the user's has the tags.
        known.require(resolve(overridden(recorded, typed), every).root.manifest)
        raise
    known.require(plan.root.manifest)
    roles = Roles(plan, registry)
    values = list(recorded_values(recorded, typed, roles))
    outputs = home / "replays" / record.digest[:12]
    return ReviewedRecord(
        request=overridden(with_outputs_below(outputs, recorded, roles), typed),
        registry=registry,
        outputs=outputs,
        lines=[
            f"{record.path} was not written by this home, or was edited. It would run:",
            *review_lines(plan, values, shipped),
            f"Its outputs would go below {outputs}.",
        ],
        summary=summary(plan, values),
    )


class _RecordedScripts:
    """The scripts that a record names, by uid; records of version 0.1 have only aliases and manifests' digests."""

    def __init__(self, record: RecordFile) -> None:
        steps = record.document.get("plan", ())
        self._where = f"--record={record.path}"
        self._uids = {step["uid"] for step in steps if "uid" in step}
        self._aliases = {step["alias"] for step in steps if "alias" in step}
        self._manifests = {step["manifest"] for step in steps}

    def has(self, manifest: Manifest) -> bool:
        """Whether the record names a script of the user's."""
        return manifest.uid in self._uids or manifest.digest in self._manifests

    def require(self, root: Manifest) -> None:
        """Raise RequestError if the requested script is not one that the record names."""
        if self.has(root) or (not self._uids and root.alias in self._aliases):
            return
        problem = f"its tags select {root.folder} here, which is not the script of the record (uid {root.uid})"
        raise RequestError(f"{self._where}: {problem}; add the repository that has it, by cm add repo")
