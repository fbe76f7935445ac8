"""The public API for authors of scripts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import ScriptGraphError, StepFailed
from scriptgraph.execution.context import Context, Folders, Switches, failing_on, program_environment
from scriptgraph.execution.run_step import Done, Download, Outcome, Run, Skip, StepEstimate
from scriptgraph.files import locks
from scriptgraph.files.json_reader import parse_json
from scriptgraph.manifest.limits import is_plain_name
from scriptgraph.manifest.types import Value, Values

if TYPE_CHECKING:
    from scriptgraph.cli.lists.audit import audit
    from scriptgraph.compat.advice import advise
    from scriptgraph.compat.collections import CollectionReport, add_collection, remove_collection, trust_collection
    from scriptgraph.execution.failures import DependencyFailure, read_failures
    from scriptgraph.fetch.archive import ArchiveError, extract
    from scriptgraph.fetch.download import Expected, TransferOptions, fetch
    from scriptgraph.fetch.hashes import RecordedHashes, compute_hashes, parse_digests, verify_hashes
    from scriptgraph.fetch.sources import FileSource
    from scriptgraph.process.outcome import Completed
    from scriptgraph.process.programs import capture
    from scriptgraph.python_env.environments import (
        create_venv,
        install_locked,
        installable_offline,
        installed_versions,
        lock,
    )
    from scriptgraph.python_env.interpreters import (
        NoPythonError,
        Version,
        find_interpreter,
        obtain_interpreter,
        probe,
        version_bounds,
    )
    from scriptgraph.python_env.ready import ready_environment
    from scriptgraph.python_env.uv import find_uv

# Imported at first use: most commands need none of them.
_LATER = {
    "audit": "scriptgraph.cli.lists.audit",
    "advise": "scriptgraph.compat.advice",
    "CollectionReport": "scriptgraph.compat.collections",
    "add_collection": "scriptgraph.compat.collections",
    "remove_collection": "scriptgraph.compat.collections",
    "trust_collection": "scriptgraph.compat.collections",
    "DependencyFailure": "scriptgraph.execution.failures",
    "read_failures": "scriptgraph.execution.failures",
    "ArchiveError": "scriptgraph.fetch.archive",
    "extract": "scriptgraph.fetch.archive",
    "Expected": "scriptgraph.fetch.download",
    "TransferOptions": "scriptgraph.fetch.download",
    "fetch": "scriptgraph.fetch.download",
    "compute_hashes": "scriptgraph.fetch.hashes",
    "parse_digests": "scriptgraph.fetch.hashes",
    "verify_hashes": "scriptgraph.fetch.hashes",
    "RecordedHashes": "scriptgraph.fetch.hashes",
    "FileSource": "scriptgraph.fetch.sources",
    "Completed": "scriptgraph.process.outcome",
    "capture": "scriptgraph.process.programs",
    "installable_offline": "scriptgraph.python_env.environments",
    "create_venv": "scriptgraph.python_env.environments",
    "find_uv": "scriptgraph.python_env.uv",
    "install_locked": "scriptgraph.python_env.environments",
    "installed_versions": "scriptgraph.python_env.environments",
    "lock": "scriptgraph.python_env.environments",
    "NoPythonError": "scriptgraph.python_env.interpreters",
    "Version": "scriptgraph.python_env.interpreters",
    "find_interpreter": "scriptgraph.python_env.interpreters",
    "obtain_interpreter": "scriptgraph.python_env.interpreters",
    "probe": "scriptgraph.python_env.interpreters",
    "version_bounds": "scriptgraph.python_env.interpreters",
    "ready_environment": "scriptgraph.python_env.ready",
}

__all__ = [
    "ArchiveError",
    "CollectionReport",
    "Completed",
    "Context",
    "DependencyFailure",
    "Done",
    "Download",
    "Expected",
    "FileSource",
    "Folders",
    "NoPythonError",
    "Outcome",
    "RecordedHashes",
    "Run",
    "ScriptGraphError",
    "Skip",
    "StepEstimate",
    "StepFailed",
    "Switches",
    "TransferOptions",
    "Value",
    "Values",
    "Version",
    "add_collection",
    "advise",
    "audit",
    "capture",
    "compute_hashes",
    "create_venv",
    "extract",
    "failing_on",
    "fetch",
    "find_interpreter",
    "find_uv",
    "install_locked",
    "installable_offline",
    "installed_versions",
    "is_plain_name",
    "lock",
    "locks",
    "obtain_interpreter",
    "parse_digests",
    "parse_json",
    "probe",
    "program_environment",
    "read_failures",
    "ready_environment",
    "remove_collection",
    "trust_collection",
    "verify_hashes",
    "version_bounds",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
