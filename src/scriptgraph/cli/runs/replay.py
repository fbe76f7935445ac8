"""Replay a record: repeat its request and report the differences."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.runs.record_file import read_record
from scriptgraph.cli.runs.recorded_request import request_of
from scriptgraph.cli.runs.run_command import run_request
from scriptgraph.cli.runs.run_options import read_run
from scriptgraph.cli.runs.trust import require_trust, signer_of
from scriptgraph.cli.scripts import load_scripts
from scriptgraph.errors import RequestError
from scriptgraph.files.digest_log import DigestLog
from scriptgraph.immutable import Immutable
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.console import RunConsole
    from scriptgraph.product import Product

# Folders of runs and entries have times and hashes in their names, which are not differences.
_RUN_OR_ENTRY = re.compile(r"(?<=/records/)[^/\s]+|(?<=/v)\d+/[0-9a-f]{2}/[0-9a-f]{64}")


class Difference(Immutable):
    """A difference between two records: the part, the item, and its values then and now."""

    part: str
    what: str
    then: str
    now: str

    def __str__(self) -> str:
        return f"{self.part}: {self.what}: {self.then} then, {self.now} now"


def replay(
    arguments: Arguments, product: Product, found: Repositories, shipped: Path, console: RunConsole
) -> dict[str, Any]:
    """Repeat the request of a record and show the differences; command-line options override recorded ones.

    `shipped` is the product's own repository.

    Raises:
        RequestError: no record is named, or it cannot be read, or it is from elsewhere and nobody answers for it.
        ScriptGraphError: the run failed.
    """
    path, schema = arguments.path("record"), product.schema("record")
    if path is None:
        raise RequestError(arguments.command.question)
    record = read_record(path, schema)
    document = record.document
    typed, options = read_run(arguments, product, document["request"]["tags"])
    request, registry, outputs = request_of(document, typed), None, None
    if record.digest not in DigestLog(options.home / "state"):
        from scriptgraph.cli.runs.foreign_record import review_record  # noqa: PLC0415 - most replays are of own records

        reviewed = review_record(record, typed, load_scripts(found), shipped, options.home)
        console.text(reviewed.lines)
        signer = signer_of(arguments, record.path, product.name)
        require_trust(arguments, f"--record={path}", reviewed.summary, signer)
        request, registry, outputs = reviewed.request, reviewed.registry, reviewed.outputs
    switches = options.switches.replaced(command_line=request.argv, outputs=outputs)
    answer = run_request(product, found, request, options.replaced(switches=switches), console, registry)
    if "new_env" not in answer:
        return answer
    now = read_record(Path(answer["record"]), schema).document
    lines = [str(each) for each in plan_differences(document, now) + run_differences(document, now)]
    title = f"differences: {len(lines)}" if lines else "no differences"
    console.text([title, *(f"  {line}" for line in lines)])
    return {**answer, "differences": lines}


def plan_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return the differences between the plans of two records: scripts, versions and values."""
    fingerprints = [each["plan_fingerprint"] for each in (then, now)]
    if fingerprints[0] == fingerprints[1]:
        return []
    before, after = (_by_title(each.get("plan", ())) for each in (then, now))
    found = _only_once("plan", before, after)
    for title in sorted(before.keys() & after.keys()):
        old, new = before[title], after[title]
        for what, length in (("version", None), ("manifest", 12)):
            if old[what] != new[what]:
                shown = (each[what][:length] or "none" for each in (old, new))
                found.append(Difference("plan", f"{title}: {what}", *shown))
        found += _values(f"plan: {title}", old["env"], new["env"])
    return found or [Difference("plan", "fingerprint", *(each[:12] for each in fingerprints))]


def run_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return the differences between two runs: machines, steps, their outcomes and exports."""
    found = list(_values("host", then.get("host", {}), now.get("host", {})))
    old, new = (_by_title(each["steps"]) for each in (then, now))
    found += _only_once("steps", old, new)
    for title in sorted(old.keys() & new.keys()):
        before, after = old[title], new[title]
        statuses = ["done" if each["status"] == "cached" else each["status"] for each in (before, after)]
        if statuses[0] != statuses[1]:
            found.append(Difference(title, "status", *statuses))
        if before["cache_key"] and after["cache_key"] and before["cache_key"] != after["cache_key"]:
            found.append(Difference(title, "cache key", before["cache_key"][:12], after["cache_key"][:12]))
        found += _values(title, before["exports"], after["exports"])
        if "cached" not in (before["status"], after["status"]):
            codes = [[each["exit_code"] for each in run["commands"]] for run in (before, after)]
            if codes[0] != codes[1]:
                found.append(Difference(title, "exit codes", str(codes[0]), str(codes[1])))
    return [*found, *_values("exports", then.get("exports", {}), now.get("exports", {}))]


def _by_title(steps: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Index steps by title; a number distinguishes several runs of one script."""
    found: dict[str, Mapping[str, Any]] = {}
    for step in steps:
        title, number = str(step["title"]), 2
        while title in found:
            title, number = f"{step['title']} ({number})", number + 1
        found[title] = step
    return found


def _only_once(part: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(part, title, *("present" if title in each else "absent" for each in (then, now)))
        for title in sorted(then.keys() ^ now.keys())
    ]


def _values(part: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for key in sorted(then.keys() | now.keys()):
        shown = []
        for value in (then.get(key), now.get(key)):
            text = json.dumps(value, sort_keys=True) if isinstance(value, (dict, list)) else as_text(value)
            shown.append("not set" if value is None else text)
        if _RUN_OR_ENTRY.sub("*", shown[0]) != _RUN_OR_ENTRY.sub("*", shown[1]):
            yield Difference(part, key, *shown)
