"""Wheels for the environments on machines: our locked dependencies for each kind of machine, and our own wheel."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from mlperf_home.contracts.fleet.job import CarriedFile, Wheelhouse
from mlperf_home.environments import ENVIRONMENTS
from mlperf_home.errors import LocatedError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import write_own_wheel
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from mlperf_home.contracts.fleet.machines import VisitedFacts

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_OLDEST_GLIBC, _OLD_TAGS = 17, {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


class WheelhouseError(LocatedError):
    """The wheels for a kind of machine cannot be had."""


@dataclass(frozen=True)
class MachineKind:
    """What decides which wheels fit: architecture, Python and C library."""

    machine: str
    python: str
    glibc: int

    @classmethod
    def of(cls, facts: VisitedFacts) -> MachineKind:
        """Return the kind of a machine.

        Raises:
            WheelhouseError: its C library is not glibc 2, as on Alpine.
        """
        major, _, minor = (facts.glibc or "").partition(".")
        if major != "2" or not minor.isdigit():
            problem = f"has no glibc 2 ({facts.glibc or 'another C library'})"
            raise WheelhouseError("the machine", problem, "use a Linux with glibc, such as Debian")
        return cls(facts.machine, ".".join(facts.python.split(".")[:2]), int(minor))

    def __str__(self) -> str:
        return f"{self.machine}-python{self.python}-glibc2.{self.glibc}"

    def platforms(self) -> Iterator[str]:
        """Yield the platform tags of wheels that run there, the newest first."""
        for minor in range(self.glibc, 4, -1):
            yield f"manylinux_2_{minor}_{self.machine}"
            if minor in _OLD_TAGS:
                yield f"{_OLD_TAGS[minor]}_{self.machine}"


def make_wheelhouse(
    kind: MachineKind, root: Path, python: str, command: Callable[..., Any], *, offline: bool
) -> Wheelhouse:
    """Return the wheelhouse of a kind of machine; what is in `root` is not fetched again.

    Args:
        kind: the kind of machine.
        root: the folder of wheels.
        python: a Python with pip, which fetches.
        command: runs a program, as `Context.command` does.
        offline: whether nothing may be fetched.

    Raises:
        WheelhouseError: wheels are missing and nothing may be fetched.
        ProcessFailed: pip cannot fetch them.
    """
    lock = locked_for(kind, ENVIRONMENTS["machine"].lock.read_text(encoding="utf-8"))
    folder = root / f"{kind}-{hashlib.sha256(lock.encode()).hexdigest()[:12]}"
    complete = folder / "complete"
    if not complete.exists():
        if offline:
            problem = f"the wheels for {kind} are not here, and --offline fetches nothing"
            raise WheelhouseError("the fleet", problem, "run it once without --offline")
        folder.mkdir(parents=True, exist_ok=True)
        requirements = folder / "requirements.txt"
        replace_text(requirements, lock)
        tags = [word for tag in kind.platforms() for word in ("--platform", tag)]
        words = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--python-version", kind.python, *tags]
        command(
            [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *words,
             "--implementation", "cp", "--dest", folder, "-r", requirements],
            env={key: value for key, value in os.environ.items() if key.startswith("PIP_")},
        )  # fmt: skip
        complete.touch()
    own = write_own_wheel(PRODUCT, root)
    own_hash = hashlib.sha256(own.read_bytes()).hexdigest()
    name, version = own.name.split("-")[:2]
    text = f"{lock}{name}=={version} --hash=sha256:{own_hash}\n"
    wheels = (*(carried(each) for each in sorted(folder.glob("*.whl"))), carried(own))
    return Wheelhouse(digest=hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest(), requirements=text, wheels=wheels)


def carried(path: Path, name: str = "") -> CarriedFile:
    """Return a file with its hash, to be copied to machines."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return CarriedFile(path=path, name=name or path.name, sha256=digest.hexdigest(), size=path.stat().st_size)


def locked_for(kind: MachineKind, lock: str) -> str:
    """Return the requirements of a lock that a kind of machine needs, one a line with its hashes.

    pip evaluates markers for its own Python alone.
    """
    place = {
        "python_version": kind.python, "python_full_version": f"{kind.python}.0", "platform_machine": kind.machine,
        "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    lines = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", "\n" + lock.replace("\\\n", " ")):
        text = block.partition("#")[0].strip() if block.lstrip().startswith("#") else block.strip()
        first = re.split(r"\s+--hash|\s+#", text, maxsplit=1)[0].strip()
        if not first or not _HASH.search(text):
            continue
        requirement = Requirement(first)
        if requirement.marker is None or requirement.marker.evaluate(place):
            hashes = " ".join(f"--hash=sha256:{each}" for each in _HASH.findall(text))
            lines.append(f"{requirement.name}{requirement.specifier} {hashes}\n")
    return "".join(lines)
