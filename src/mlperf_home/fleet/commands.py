"""The commands `cm show fleet` and `cm find fleet`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.artifact_commands import answer_command, artifacts_folder
from mlperf_home.contracts.codec import encode
from mlperf_home.fleet.command_table import fleet_command
from mlperf_home.fleet.store import FleetError, named_fleets
from mlperf_home.fleet.tables import UNIT_HEADER, cost_text, counts, state_of, unit_rows
from scriptgraph.embed import ARTIFACTS, FoundArtifact, Section, show_sections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.embed import Arguments, RunConsole


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Run `cm ACTION fleet`; ACTION is find or show. Return cmind's dictionary."""
    return answer_command(fleet_command(action), command, _ACTIONS[action])


def _find(arguments: Arguments, _console: RunConsole) -> dict[str, Any]:
    rows, found = [], []
    for store in named_fleets(artifacts_folder(arguments), arguments.word):
        description, histories = store.description(), store.histories([])
        text = counts(description.units, histories, driven=store.is_held())
        rows.append((description.name, " ".join(description.command), text, description.created))
        found.append({"name": description.name, "folder": str(store.folder), "units": text})
    if not arguments.as_json:
        show_sections([Section(f"{len(rows)} fleets", rows, ("name", "command", "units", "created") if rows else ())])
    return {"fleets": found, ARTIFACTS: [FoundArtifact(each["folder"], partial(dict, each)) for each in found]}


def _show(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    root = artifacts_folder(arguments)
    fleets = named_fleets(root, arguments.word)
    if not fleets:
        raise FleetError(root, "there is no fleet yet", "start one by cm run script --tags=run,fleet")
    store = fleets[-1]
    damages: list[str] = []
    description, histories, driven = store.description(), store.histories(damages), store.is_held()
    for damage in damages:
        console("warned", "fleet", {"message": damage})
    units = [
        {
            **encode(unit),
            "state": state_of(histories.get(unit.digest), driven=driven),
            "last": encode(histories[unit.digest].last) if unit.digest in histories else None,
        }
        for unit in description.units
    ]
    if not arguments.as_json:
        rows = unit_rows(description.units, histories, driven=driven, every=arguments.on("all"))
        facts = [
            ("command", " ".join(description.command)),
            ("driven", "now" if driven else "by no process; the same command goes on with it"),
            ("units", counts(description.units, histories, driven=driven)),
            ("cost so far", cost_text(description, histories)),
        ]
        show_sections([Section(f"Fleet {description.name}", facts), Section("", rows, UNIT_HEADER if rows else ())])
    return {"fleet": description.name, "folder": str(store.folder), "driven": driven, "units": units}


_ACTIONS = {"find": _find, "show": _show}
