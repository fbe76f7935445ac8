"""Read machines.yaml, and choose machines by tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.fleet.machines import MACHINES_LIMITS, FleetMachine, MachinesDocument
from mlperf_home.errors import LocatedError
from scriptgraph.embed import parse_yaml
from scriptgraph.errors import DocumentError, ManifestError
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Literal

_ADVICE = "correct it; docs/fleet.md describes machines.yaml"
_MOST_BYTES = 1 << 19
_SSH_KEYS = ("address", "user", "port")


class MachinesError(LocatedError):
    """The file of machines cannot be used."""


def read_machines(path: Path) -> MachinesDocument:
    """Read a file of machines, in YAML or JSON; each machine has all its values, those of `defaults` too.

    Raises:
        MachinesError: it cannot be read, exceeds a limit, or has two machines of one name or one account and folder.
    """
    values = _read(path)
    if isinstance(values, dict) and isinstance(values.get("defaults"), dict):
        decode_defaults = {"defaults": values["defaults"], "machines": [{"name": "any"}]}
        _decoded(decode_defaults, path)  # a fault in the defaults is reported there, not in the first machine
        machines = values.get("machines")
        if isinstance(machines, list):
            values = {**values, "machines": [_with(values["defaults"], each) for each in machines]}
    document = _decoded(values, path)
    document = msgspec.structs.replace(
        document, **{name: _beside(path, getattr(document, name)) for name in ("ssh_config", "known_hosts", "key")}
    )
    _check_unique(document.machines, path)
    _check_executors(document.machines, path)
    return document


def queue_document(executor: Literal["slurm", "local"], options: Mapping[str, Any]) -> MachinesDocument:
    """Return the document of one place in a queue; `options` are Slurm's, as on the command line.

    Raises:
        MachinesError: an option cannot be used.
    """
    if executor == "local" and options:
        raise MachinesError(f"--{next(iter(options))}", "has no effect with --executor=local", "remove it")
    words = [executor, *(str(options[each]) for each in ("partition", "constraint") if each in options)]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(words))[:64]
    entry = {"name": name, "executor": executor, "slurm": dict(options)}
    try:
        return decode({"machines": [entry]}, MachinesDocument, "the options")
    except DocumentError as error:
        option = error.pointer.rpartition("/")[2]
        raise MachinesError(f"--{option}", error.problem, "write it as for sbatch") from None


def chosen(machines: Sequence[FleetMachine], words: Sequence[str], where: object) -> tuple[FleetMachine, ...]:
    """Return the machines that have all of some words: each a name, a tag, or LABEL=VALUE; all without words.

    Raises:
        MachinesError: there is none.
    """
    found = tuple(each for each in machines if all(_has(each, word) for word in words))
    if not found:
        known = sorted({word for each in machines for word in (*each.tags, each.name)})
        advice = f"use tags or names of it: {', '.join(known[:20])}"
        raise MachinesError(where, f"no machine has {' and '.join(words)}", advice)
    return found


def _has(machine: FleetMachine, word: str) -> bool:
    label, equals, value = word.partition("=")
    return machine.labels.get(label) == value if equals else word in {machine.name, *machine.tags}


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".json":
            return read_json(path, MACHINES_LIMITS, unique=True)
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode()
        return parse_yaml(text, path)
    except OSError as error:
        raise MachinesError(path, f"cannot be read ({error.strerror})", "name a file of machines") from None
    except UnicodeDecodeError as error:
        raise MachinesError(path, f"is not UTF-8 text at byte {error.start}", _ADVICE) from None
    except DocumentError as error:
        raise MachinesError(f"{path}{_mark(error.pointer)}", error.problem, _ADVICE) from None
    except ManifestError as error:
        raise MachinesError(f"{path}{_mark(error.pointer)}", error.problem, _ADVICE) from None


def _decoded(values: Any, path: Path) -> MachinesDocument:
    try:
        return decode(values, MachinesDocument, path)
    except DocumentError as error:
        raise MachinesError(f"{path}{_mark(error.pointer)}", error.problem, _ADVICE) from None


def _with(defaults: dict[str, Any], machine: Any) -> Any:
    if not isinstance(machine, dict):
        return machine
    ignored = _ignored(machine.get("executor", defaults.get("executor", "ssh")))
    both = {**{name: value for name, value in defaults.items() if name not in ignored}, **machine}
    for name in ("labels", "env"):
        parts = (each.get(name) for each in (defaults, machine))
        whole = [each for each in parts if isinstance(each, dict)]
        if len(whole) > 1:
            both[name] = {key: value for each in whole for key, value in each.items()}
    return both


def _beside(path: Path, value: Path | None) -> Path | None:
    """Return a path of the file; a relative one lies beside it."""
    return None if value is None else (path.parent / value.expanduser()).absolute()


def _check_unique(machines: Sequence[FleetMachine], path: Path) -> None:
    names: dict[str, int] = {}
    places: dict[tuple[object, ...], str] = {}
    for number, each in enumerate(machines):
        if each.name in names:
            raise MachinesError(f"{path}#/machines/{number}/name", f"{each.name} is there twice", "rename one of them")
        names[each.name] = number
        if each.in_queue:  # has a folder of its own name
            continue
        place = (each.reached_at, each.user, each.port, each.folder)
        if place in places:
            problem = f"has the account and folder of {places[place]}"
            raise MachinesError(f"{path}#/machines/{number}", problem, "set `folder`, or remove one of them")
        places[place] = each.name


def _check_executors(machines: Sequence[FleetMachine], where: object) -> None:
    """Raise MachinesError for a value that the machine's executor would ignore."""
    unset = FleetMachine(name="any")
    for number, each in enumerate(machines):
        for name in _ignored(each.executor):
            if getattr(each, name) != getattr(unset, name):
                problem = f"has no effect with the executor {each.executor}"
                raise MachinesError(f"{where}#/machines/{number}/{name}", problem, "remove it, or set `executor`")


def _ignored(executor: object) -> tuple[str, ...]:
    """Return the keys that an executor does not read."""
    return {"slurm": _SSH_KEYS, "local": (*_SSH_KEYS, "slurm")}.get(str(executor), ("slurm",))


def _mark(pointer: str) -> str:
    return f"#{pointer}" if pointer else ""
