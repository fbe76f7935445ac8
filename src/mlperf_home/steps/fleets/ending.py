"""Stop a fleet, or collect what has ended on its machines since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mlperf_home.fleet.store import FleetError, FleetStore, named_fleets
from mlperf_home.fleet.tables import counts
from mlperf_home.steps.fleets.driving import Driver
from mlperf_home.steps.fleets.running import finish, fleets_folder

if TYPE_CHECKING:
    from scriptgraph.api import Context


def stop_fleet(context: Context) -> dict[str, Any]:
    """End the process that runs a fleet and what runs on its machines; return the step's exports."""
    store = _visited(context, "stop")
    histories, description = store.histories([]), store.description()
    context.table(f"Fleet {description.name}: stopped", [("units", counts(description.units, histories, driven=False))])
    return {"CM_FLEET_NAME": description.name, "CM_FLEET_PATH": store.folder}


def collect_fleet(context: Context) -> dict[str, Any]:
    """Collect the results of units that have ended, without starting any; return the step's exports."""
    return finish(context, _visited(context, "collect"))


def _visited(context: Context, action: Literal["stop", "collect"]) -> FleetStore:
    store = find_fleet(context)
    description = store.description()
    driver = Driver(context, store.folder, description.name, description)
    histories = store.histories([])
    open_units = [each for each in description.units if not (each.digest in histories and histories[each.digest].done)]
    job = driver.job(action=action, machines=description.machines, units=description.units)
    driver.run(job, open_units, len(description.units) - len(open_units))
    return store


def find_fleet(context: Context) -> FleetStore:
    """Return the named fleet, or the newest.

    Raises:
        FleetError: there is none.
    """
    root = fleets_folder(context)
    fleets = named_fleets(root, context.name("CM_FLEET_NAME", ""))
    if not fleets:
        raise FleetError(root, "there is no fleet yet", "start one by cm run script --tags=run,fleet")
    return fleets[-1]
