"""Run a fleet: read the machines, make the units, prepare, drive, collect, and answer with a board."""

from __future__ import annotations

import shlex
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from mlperf_home.contracts.fleet.store import FleetDescription
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.experiments.values import read_value_options
from mlperf_home.fleet.collected import bundles_of, make_board, not_done, unpack_new
from mlperf_home.fleet.machines import chosen, queue_document, read_machines
from mlperf_home.fleet.store import FleetStore, fleets_of
from mlperf_home.fleet.tables import cost_text, counts
from mlperf_home.fleet.unit_words import plain_words
from mlperf_home.fleet.units import default_name, known_seconds, make_units, with_expected
from mlperf_home.fleet.wheelhouses import carried
from mlperf_home.steps.fleets.driving import Driver, require_usable, with_problems
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.fleet.job import CarriedFile
    from mlperf_home.contracts.fleet.machines import FleetMachine, MachinesDocument
    from mlperf_home.contracts.fleet.units import Unit
    from scriptgraph.api import Context

_HOUR_S = 3600.0
_SHOWN = 10


def check_machines(context: Context) -> None:
    """Visit the machines and show what is missing. Raise StepFailed if something is."""
    document, machines = _machines(context)
    folder = fleets_folder(context) / ".check"
    folder.mkdir(parents=True, exist_ok=True)
    visits = Driver(context, folder, "check", document).visit(machines, files=_files(context))
    bad = [each.name for each in visits if each.problems]
    if bad:
        raise StepFailed(f"{len(bad)} of {len(visits)} machines have a problem: {', '.join(sorted(bad))}; see above")


def run_fleet(context: Context) -> dict[str, Any]:
    """Run a fleet's units, and return the step's exports.

    Raises:
        LocatedError: the machines, the command or its values cannot be used.
        StepFailed: some units are not done; the others are.
    """
    document, machines = _machines(context)
    words = plain_words(_split(context.text("CM_FLEET_COMMAND", "")))
    explore = context.text("CM_FLEET_EXPLORE", "")
    values = read_value_options(explore, None) if explore else {}
    root = fleets_folder(context)
    name = context.name("CM_FLEET_NAME", default_name(words, values))
    each: Literal["machine", "class"] = "class" if context.text("CM_FLEET_EACH") == "class" else "machine"
    units = with_expected(make_units(name, words, values, machines, each), known_seconds(fleets_of(root)))
    store, files = FleetStore(root / name), _files(context)
    _describe(store, name, context, document, machines, units)
    histories = store.histories([])
    open_units = [each for each in units if not (each.digest in histories and histories[each.digest].done)]
    if not open_units:
        return finish(context, store)
    driver = Driver(context, store.folder, name, document)
    visits = driver.visit(machines, files=files)
    houses, problems = driver.wheelhouses([each for each in visits if not each.problems], root / ".wheels")
    visits = with_problems(visits, problems)
    usable = {each.name for each in require_usable(visits)}
    job = driver.job(
        action="run",
        machines=tuple(each for each in machines if each.name in usable),
        units=tuple(units),
        out_of_reach={each.name: "; ".join(each.problems) for each in visits if each.problems},
        wheelhouses=houses,
        files=files,
        retries=context.whole("CM_FLEET_RETRIES") or 0,
        deadline_s=_hours(context, "CM_FLEET_DEADLINE_H"),
        budget=context.number("CM_FLEET_BUDGET"),
    )
    driver.run(job, open_units, len(units) - len(open_units))
    return finish(context, store)


def finish(context: Context, store: FleetStore) -> dict[str, Any]:
    """Unpack what was collected, make the board, show the outcome, and return the step's exports.

    Raises:
        StepFailed: some units are not done.
    """
    problems: list[str] = []
    unpack_new(store, problems)
    description, histories = store.description(), store.histories(problems)
    experiments = Experiments(context.results_home / "experiments")
    measured = make_board(store, description, histories, experiments, problems)
    for problem in experiments.not_yet_reported(problems):
        context.warn(problem)
    bundles = bundles_of(store)
    rows = [
        ("units", counts(description.units, histories)),
        ("cost", cost_text(description, histories)),
        ("measurements", f"{measured} in the experiment {description.name}" if measured else "none"),
        ("bundles", ", ".join(map(str, bundles)) or "none"),
        ("outputs", str(store.folder / "machines")),
    ]
    context.table(f"Fleet {description.name}", rows)
    if measured:
        context.suggest([("the board", ["cm", "show", "experiment", description.name])])
    missing = not_done(description.units, histories)
    if missing:
        listed = "; ".join(
            f"{machine}{f' ({unit.label})' if unit.label else ''}: {why}" for unit, machine, why in missing[:_SHOWN]
        )
        more = f"; and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        count = f"{len(missing)} of {len(description.units)} units are not done"
        raise StepFailed(f"{count}: {listed}{more}; the same command again runs these alone")
    return {"CM_FLEET_NAME": description.name, "CM_FLEET_PATH": store.folder}


def fleets_folder(context: Context) -> Path:
    """Return the folder of all fleets."""
    return context.results_home / "fleets"


def _machines(context: Context) -> tuple[MachinesDocument, tuple[FleetMachine, ...]]:
    path, document = _document(context)
    words = [word for word in context.text("CM_FLEET_ONLY", "").split(",") if word]
    return document, chosen(document.machines, words, path)


def _document(context: Context) -> tuple[object, MachinesDocument]:
    """Return where machines are written, and their document: a file, or the options of a queue."""
    executor, machines = context.text("CM_FLEET_EXECUTOR", ""), context.text("CM_FLEET_MACHINES", "")
    numbers = {name: context.whole(f"CM_FLEET_{name.upper()}") for name in ("time_limit", "jobs")}
    words = {name: context.text(f"CM_FLEET_{name.upper()}", "") for name in ("partition", "constraint")}
    options = {name: value for name, value in {**words, **numbers}.items() if value}
    if executor and machines:
        raise StepFailed("--executor and --machines: use one; in the file, write `executor` for each machine")
    if executor:
        kind: Literal["slurm", "local"] = "slurm" if executor == "slurm" else "local"
        return f"--executor={executor}", queue_document(kind, options)
    if options:
        raise StepFailed(f"--{next(iter(options))} needs --executor=slurm; in machines.yaml, write it under `slurm`")
    if not machines:
        raise StepFailed("no machines are named; use --machines=machines.yaml, or --executor=slurm on a cluster")
    path = context.existing("CM_FLEET_MACHINES")
    return path, read_machines(path)


def _describe(
    store: FleetStore,
    name: str,
    context: Context,
    document: MachinesDocument,
    machines: tuple[FleetMachine, ...],
    units: tuple[Unit, ...],
) -> None:
    """Write the description; while another process runs the fleet, it may not be changed."""
    with store.hold():
        store.describe(
            FleetDescription(
                name=name,
                command=tuple(_split(context.text("CM_FLEET_COMMAND", ""))),
                created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                currency=document.currency,
                machines=machines,
                ssh_config=document.ssh_config,
                known_hosts=document.known_hosts,
                key=document.key,
                units=units,
            )
        )


def _files(context: Context) -> tuple[CarriedFile, ...]:
    """Return the files to copy to each machine, with their hashes."""
    from pathlib import Path  # noqa: PLC0415 - most fleets carry no files

    found = []
    for word in filter(None, context.text("CM_FLEET_FILES", "").split(",")):
        path = Path(word).expanduser().absolute()
        if not path.is_file():
            raise StepFailed(f"--files={word}: is no file; name files, separated by commas")
        found.append(carried(path))
    return tuple(found)


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise StepFailed(f"--command: cannot be split into words ({error}); check its quotes") from None


def _hours(context: Context, key: str) -> float | None:
    hours = context.number(key)
    return None if hours is None else hours * _HOUR_S
