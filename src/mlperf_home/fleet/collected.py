"""The collected outputs of a fleet: unpacked within limits, and their measurements as one experiment."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.experiment import CommandOrigin
from mlperf_home.measurements.measurement import Value
from mlperf_home.measurements.prices import PRICE, cost_values
from mlperf_home.results.stored import find_results
from mlperf_home.rules import load_round
from mlperf_home.rules.rounds import UnknownRoundError
from scriptgraph.embed import ArchiveError, UnpackLimits, extract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.contracts.fleet.store import FleetDescription
    from mlperf_home.contracts.fleet.units import Unit
    from mlperf_home.experiments.experiment import Experiments
    from mlperf_home.fleet.store import FleetStore, UnitHistory
    from mlperf_home.measurements.measurement import Measurement

# Logs of one unit: accuracy logs of BERT have some hundred megabytes.
_LIMITS = UnpackLimits(members=100_000, total_bytes=16 << 30)
_FOLDER, _PACKED = "outputs", "outputs.tar.gz"


def unpack_new(store: FleetStore, problems: list[str]) -> None:
    """Unpack every collected archive that is not unpacked; `problems` takes a sentence for each that cannot be."""
    for packed in sorted(store.folder.glob(f"machines/*/*/{_PACKED}")):
        target, mark = packed.with_name(_FOLDER), packed.with_name(".unpacked")
        stamp = f"{packed.stat().st_mtime_ns} {packed.stat().st_size}\n"
        if mark.exists() and mark.read_text(encoding="ascii") == stamp:
            continue
        shutil.rmtree(target, ignore_errors=True)
        try:
            extract(packed, target, _LIMITS)
        except ArchiveError as error:
            problems.append(f"{error}; it stays packed")
        else:
            mark.write_text(stamp, encoding="ascii")


def bundles_of(store: FleetStore) -> list[Path]:
    """Return the bundles of challenges among the outputs: archives beside or below a challenge's run."""
    found = store.folder.glob(f"machines/*/*/{_FOLDER}/**/*.tar.gz")
    return sorted(path for path in found if (path.parent / "run.json").is_file() or "bundle" in path.name)


def make_board(
    store: FleetStore,
    description: FleetDescription,
    histories: Mapping[str, UnitHistory],
    experiments: Experiments,
    problems: list[str],
) -> int:
    """Add the measurements of units that are done to the experiment of the fleet's name; return their number.

    Raises:
        ExperimentError: the experiment cannot be written.
        StoreError: measurements cannot be written.
    """
    machines = {each.name: each for each in description.machines}
    measured: list[Measurement] = []
    for unit in description.units:
        history = histories.get(unit.digest)
        if history is None or not history.done or history.last is None:
            continue
        machine = machines.get(history.last.machine)
        root = store.unit_folder(history.last.machine, unit.digest) / _FOLDER
        for folder in (root / "home" / "results", root / "work"):
            if machine and folder.is_dir():
                found = find_results(folder, problems)
                measured += [_of_machine(each.measurement, machine, unit, description.currency) for each in found]
    if not measured:
        return 0
    sample = any(each.sample for each in measured)
    origin = CommandOrigin(command=description.command, values={})
    experiment = experiments.begin(description.name, "import", ("fleet",), origin, sample=sample)
    experiment.store.append(measured)
    return len(measured)


def _of_machine(measurement: Measurement, machine: FleetMachine, unit: Unit, currency: str) -> Measurement:
    """Return a measurement with its machine's name in the fleet, the unit's values, and the price if it has one."""
    values = {**measurement.values, "fleet_machine": Value(machine.name, "copied", "machines.yaml")}
    for pair in filter(None, unit.label.split(", ")):
        name, _, value = pair.partition("=")
        values[f"explored_{name}"] = Value(value, "copied", "--explore")
    if machine.price_per_hour is not None and PRICE not in values:
        price = Value(machine.price_per_hour, "copied", f"machines.yaml: {machine.name}, in {currency}")
        try:
            rules = load_round(measurement.round)
        except UnknownRoundError:
            pass
        else:
            values |= cost_values(measurement.values, measurement.scenario, rules, price)
    return replace(measurement, values=values)


def not_done(units: Sequence[Unit], histories: Mapping[str, UnitHistory]) -> list[tuple[Unit, str, str]]:
    """Return the units that are not done, each with its machine and the reason."""
    found = []
    for unit in units:
        history = histories.get(unit.digest)
        if history is not None and history.done:
            continue
        last = history.last if history else None
        machine = last.machine if last and last.machine else unit.target
        found.append((unit, machine, (last.note if last else "") or "not begun"))
    return found
