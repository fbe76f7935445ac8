"""The public API for programs that embed the engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.bridge import Engine
from scriptgraph.errors import ScriptGraphError
from scriptgraph.product import Product

if TYPE_CHECKING:
    from scriptgraph.cache.digests import KnownDigests
    from scriptgraph.catalog.registry import Registry, load_registry
    from scriptgraph.cli.artifacts import ARTIFACTS, FoundArtifact
    from scriptgraph.cli.commands.cache import cache_commands
    from scriptgraph.cli.commands.cmind_input import EXTRA
    from scriptgraph.cli.commands.decoder import Arguments, decode
    from scriptgraph.cli.commands.help import option_notes, usage
    from scriptgraph.cli.commands.script import script_commands
    from scriptgraph.cli.commands.table import (
        EVERYDAY,
        PLACES,
        STEERING,
        Command,
        Option,
        home_option,
        network_options,
        output_options,
        place_options,
        progress_options,
        quiet_option,
        trust_options,
    )
    from scriptgraph.cli.console import RunConsole
    from scriptgraph.cli.lists.cache_commands import confirmed
    from scriptgraph.cli.program import Program
    from scriptgraph.cli.runs.replay import Difference
    from scriptgraph.cli.runs.run_options import home_folders, requests_from
    from scriptgraph.cli.runs.trust import excerpt, require_trust, signer_of
    from scriptgraph.cli.tables import Section, show_sections
    from scriptgraph.errors import ManifestError, RequestError, StepFailed, nearest
    from scriptgraph.execution.context import failing_on
    from scriptgraph.execution.record import host_facts, installed_versions
    from scriptgraph.execution.run_step import content_digest
    from scriptgraph.fetch.archive import ArchiveError, extract
    from scriptgraph.fetch.archive_limits import UnpackLimits
    from scriptgraph.fetch.failures import TransferFailed, connection_faults, status_failure
    from scriptgraph.manifest.located_json import (
        Malformed,
        Place,
        Shape,
        each,
        members,
        pointer_to,
        read_number,
        read_text,
        read_texts,
        read_values,
    )
    from scriptgraph.manifest.queries import parse_query
    from scriptgraph.manifest.rows import read_table
    from scriptgraph.manifest.types import Manifest, Value, Values
    from scriptgraph.manifest.yaml_text import parse_yaml
    from scriptgraph.planning.conditions import same
    from scriptgraph.planning.environment import as_text
    from scriptgraph.planning.plan import Request
    from scriptgraph.planning.resolver import resolve
    from scriptgraph.process.outcome import Completed, ProcessFailed, describe_end
    from scriptgraph.process.programs import capture, run
    from scriptgraph.process.signature import (
        SignatureError,
        SshSignature,
        check_key,
        check_signature,
        require_signers,
        sign_file,
    )
    from scriptgraph.python_env.environments import lock
    from scriptgraph.python_env.own_wheel import write_own_wheel
    from scriptgraph.python_env.uv import Uv, find_uv

# Imported at first use: most commands need few of them.
_LATER = {
    name: module
    for module, names in {
        "scriptgraph.cache.digests": "KnownDigests",
        "scriptgraph.catalog.registry": "Registry load_registry",
        "scriptgraph.cli.artifacts": "ARTIFACTS FoundArtifact",
        "scriptgraph.cli.commands.cache": "cache_commands",
        "scriptgraph.cli.commands.cmind_input": "EXTRA",
        "scriptgraph.cli.commands.decoder": "Arguments decode",
        "scriptgraph.cli.commands.help": "option_notes usage",
        "scriptgraph.cli.commands.script": "script_commands",
        "scriptgraph.cli.commands.table": (
            "Command EVERYDAY Option PLACES STEERING home_option network_options output_options "
            "place_options progress_options quiet_option trust_options"
        ),
        "scriptgraph.cli.console": "RunConsole",
        "scriptgraph.cli.lists.cache_commands": "confirmed",
        "scriptgraph.cli.program": "Program",
        "scriptgraph.cli.runs.replay": "Difference",
        "scriptgraph.cli.runs.run_options": "home_folders requests_from",
        "scriptgraph.cli.runs.trust": "excerpt require_trust signer_of",
        "scriptgraph.cli.tables": "Section show_sections",
        "scriptgraph.errors": "ManifestError RequestError StepFailed nearest",
        "scriptgraph.execution.context": "failing_on",
        "scriptgraph.execution.record": "host_facts installed_versions",
        "scriptgraph.execution.run_step": "content_digest",
        "scriptgraph.fetch.archive": "ArchiveError extract",
        "scriptgraph.fetch.archive_limits": "UnpackLimits",
        "scriptgraph.fetch.failures": "TransferFailed connection_faults status_failure",
        "scriptgraph.manifest.located_json": (
            "Malformed Place Shape each members pointer_to read_number read_text read_texts read_values"
        ),
        "scriptgraph.manifest.queries": "parse_query",
        "scriptgraph.manifest.rows": "read_table",
        "scriptgraph.manifest.types": "Manifest Value Values",
        "scriptgraph.manifest.yaml_text": "parse_yaml",
        "scriptgraph.planning.conditions": "same",
        "scriptgraph.planning.environment": "as_text",
        "scriptgraph.planning.plan": "Request",
        "scriptgraph.planning.resolver": "resolve",
        "scriptgraph.process.outcome": "Completed ProcessFailed describe_end",
        "scriptgraph.process.programs": "capture run",
        "scriptgraph.process.signature": (
            "SignatureError SshSignature check_key check_signature require_signers sign_file"
        ),
        "scriptgraph.python_env.environments": "lock",
        "scriptgraph.python_env.own_wheel": "write_own_wheel",
        "scriptgraph.python_env.uv": "Uv find_uv",
    }.items()
    for name in names.split()
}

__all__ = [
    "ARTIFACTS",
    "EVERYDAY",
    "EXTRA",
    "PLACES",
    "STEERING",
    "ArchiveError",
    "Arguments",
    "Command",
    "Completed",
    "Difference",
    "Engine",
    "FoundArtifact",
    "KnownDigests",
    "Malformed",
    "Manifest",
    "ManifestError",
    "Option",
    "Place",
    "ProcessFailed",
    "Product",
    "Program",
    "Registry",
    "Request",
    "RequestError",
    "RunConsole",
    "ScriptGraphError",
    "Section",
    "Shape",
    "SignatureError",
    "SshSignature",
    "StepFailed",
    "TransferFailed",
    "UnpackLimits",
    "Uv",
    "Value",
    "Values",
    "as_text",
    "cache_commands",
    "capture",
    "check_key",
    "check_signature",
    "confirmed",
    "connection_faults",
    "content_digest",
    "decode",
    "describe_end",
    "each",
    "excerpt",
    "extract",
    "failing_on",
    "find_uv",
    "home_folders",
    "home_option",
    "host_facts",
    "installed_versions",
    "load_registry",
    "lock",
    "members",
    "nearest",
    "network_options",
    "option_notes",
    "output_options",
    "parse_query",
    "parse_yaml",
    "place_options",
    "pointer_to",
    "progress_options",
    "quiet_option",
    "read_number",
    "read_table",
    "read_text",
    "read_texts",
    "read_values",
    "requests_from",
    "require_signers",
    "require_trust",
    "resolve",
    "run",
    "same",
    "script_commands",
    "show_sections",
    "sign_file",
    "signer_of",
    "status_failure",
    "trust_options",
    "usage",
    "write_own_wheel",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
