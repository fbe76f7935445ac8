"""Whether a command line works as printed: cm parses it, its options exist, and its tags select one script."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from cmind.cli import parse

from mlperf_home.challenges.definition.manifest import load_challenge
from mlperf_home.challenges.runs.arguments import read_options
from mlperf_home.command_line import commands
from mlperf_home.product import PRODUCT
from scriptgraph.catalog.registry import load_registry
from scriptgraph.cli.runs.run_options import read_run
from scriptgraph.embed import Arguments, decode, resolve
from scriptgraph.planning.options import check_env

ROOT = Path(__file__).parents[2]
REGISTRY = load_registry([ROOT])
TABLES = {(each.action, each.automation): each for each in commands()}


def resolve_command(line: str) -> Arguments:
    """Return the decoded command; raise if it would not run."""
    program, *words = shlex.split(line)
    assert program == "cm"
    parsed = parse(words)
    assert parsed["return"] == 0
    command: dict[str, Any] = {**parsed["cm_input"], "out": None}
    table = TABLES[command["action"], command["automation"]]
    arguments = decode(table, command)
    if (table.action, table.automation) == ("run", "script"):
        request, _ = read_run(arguments, PRODUCT)
        check_env(resolve(request, REGISTRY).root, request, REGISTRY)
    if table.automation == "challenge":
        read_options(arguments, load_challenge([ROOT], command["artifact"]))
    return arguments
