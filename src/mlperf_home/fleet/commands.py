"""The commands `cm show fleet` and `cm find fleet`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import encode
from mlperf_home.errors import LocatedError
from mlperf_home.fleet.command_table import fleet_command
from mlperf_home.fleet.store import FleetError, fleets_of
from mlperf_home.fleet.tables import UNIT_HEADER, cost_text, counts, state_of, unit_rows
from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.embed import ARTIFACTS, FoundArtifact, Section, failing_on, home_folders, show_sections

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.fleet.store import FleetStore
    from scriptgraph.embed import Arguments, RunConsole


def answer(action: str, command: Mapping[str, Any]) -> dict[str, Any]:
    """Run `cm ACTION fleet`; ACTION is find or show.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; other keys hold the outcome.
    """

    def run_action(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
        with failing_on(LocatedError):
            return _ACTIONS[action](arguments, console)

    return ENGINE.answer(fleet_command(action), command, run_action)


def _root(arguments: Arguments) -> Path:
    return arguments.path("fleets_dir") or home_folders(arguments, PRODUCT)[0] / "fleets"


def _fleets(arguments: Arguments) -> list[FleetStore]:
    """Return all fleets, or the one of the name.

    Raises:
        FleetError: there is none of that name.
    """
    root = _root(arguments)
    fleets = fleets_of(root) if root.is_dir() else []
    named = [each for each in fleets if arguments.word in {"", each.folder.name}]
    if arguments.word and not named:
        known = ", ".join(each.folder.name for each in fleets) or "none yet"
        raise FleetError(arguments.word, "there is no such fleet", f"there are: {known}")
    return named


def _find(arguments: Arguments, _console: RunConsole) -> dict[str, Any]:
    rows, found = [], []
    for store in _fleets(arguments):
        description, histories = store.description(), store.histories([])
        text = counts(description.units, histories, driven=store.is_held())
        rows.append((description.name, " ".join(description.command), text, description.created))
        found.append({"name": description.name, "folder": str(store.folder), "units": text})
    if not arguments.as_json:
        show_sections([Section(f"{len(rows)} fleets", rows, ("name", "command", "units", "created") if rows else ())])
    return {"fleets": found, ARTIFACTS: [FoundArtifact(each["folder"], partial(dict, each)) for each in found]}


def _show(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
    fleets = _fleets(arguments)
    if not fleets:
        raise FleetError(_root(arguments), "there is no fleet yet", "start one by cm run script --tags=run,fleet")
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
