"""machines.yaml: the machines of a fleet, as a user writes them, and the facts of a visit to one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document, OpenDocument
from scriptgraph.files.json_reader import Limits

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
# Neither option of a command nor anything that a shell would expand.
_Address = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_\[][A-Za-z0-9._:%\]-]{0,252})?$")]
_User = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_][A-Za-z0-9._@\\-]{0,63})?$")]
_Path = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,1000}$")]
_Label = Annotated[str, Meta(max_length=200)]
# Slurm's own words, none of which a shell or a line of a job's file would read in another way. The patterns' last part
# is the end of the text in any dialect; Python's $ would allow a line end.
_Names = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.][A-Za-z0-9_.,-]{0,200})?(?![\s\S])")]
_Nodes = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.][A-Za-z0-9_.,\[\]-]{0,500})?(?![\s\S])")]
_Features = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.(\[][A-Za-z0-9_.,:=&|*()\[\]-]{0,200})?(?![\s\S])")]

MACHINES_LIMITS = Limits(size=4 << 20, depth=6, values=200_000)
"""Limits for ten thousand machines with a few labels each."""
MOST_MACHINES = 10_000


class SlurmOptions(Document):
    """What Slurm is called with for each unit's job, besides `--exclusive`.

    Attributes:
        partition: the partition, or several with commas between; by default Slurm's own.
        constraint: the features that a node has to have ("genoa", "intel&avx512").
        nodelist: the nodes ("node[1-4]"); by default any.
        account: the account that is charged.
        qos: the quality of service.
        time_limit: minutes after which Slurm ends a job, by default the partition's; a unit is ended three minutes
            before.
        jobs: how many units run at the same time, each on a node of its own.
    """

    partition: _Names = ""
    constraint: _Features = ""
    nodelist: _Nodes = ""
    account: _Names = ""
    qos: _Names = ""
    time_limit: Annotated[int, Meta(ge=10, le=60_000)] | None = None
    jobs: Annotated[int, Meta(ge=1, le=1000)] = 1


class MachineDefaults(Document):
    """What is known of a machine besides its name; in `defaults`, of all machines that do not say otherwise.

    Attributes:
        address: a name or address of the network, or a name in the SSH configuration; by default the machine's name.
        user: the account; by default SSH's.
        port: SSH's port; by default SSH's.
        python: the program of a Python of 3.10 or later there.
        labels: facts to choose and group by; machines of one `class` are taken as equal by `--each=class`.
        tags: words to choose by, such as `amx` or `arm`.
        price_per_hour: the price in the document's currency.
        cpuset: the CPUs to measure on ("0-3,8"); by default all.
        container: the engine that runs `cm docker script`, or `cm podman script`, instead of `cm run script` there.
        folder: the fleet's folder there; a relative one is below the account's home folder.
        lock_dir: the folder of the lock that keeps two measurements off one machine.
        env: variables of the environment of each unit, such as those of a proxy or a package index.
        executor: what runs units: an account over SSH; nodes that Slurm gives out to this machine's account; or, to try
            a command, processes of this machine, by Submitit as with Slurm.
        slurm: how nodes are requested from Slurm.
    """

    address: _Address = ""
    user: _User = ""
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    python: _Path = "python3"
    labels: Mapping[str, _Label] = {}
    tags: tuple[Name, ...] = ()
    price_per_hour: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    cpuset: Annotated[str, Meta(pattern=r"^(\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*)?$")] = ""
    container: Literal["", "docker", "podman"] = ""
    folder: _Path = ".mlperf-home-fleet"
    lock_dir: _Path = "/tmp"  # noqa: S108 - every account has to reach it, and holds the file open only to lock it
    env: Mapping[Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}
    executor: Literal["ssh", "slurm", "local"] = "ssh"
    slurm: SlurmOptions = SlurmOptions()


class FleetMachine(MachineDefaults):
    """One machine, by its name in this fleet."""

    name: Name

    @property
    def reached_at(self) -> str:
        """The name or address that SSH is called with."""
        return self.address or self.name

    @property
    def in_queue(self) -> bool:
        """Whether its units are jobs on a file system that this machine shares."""
        return self.executor != "ssh"


class MachinesDocument(Document):
    """The machines of a fleet.

    Attributes:
        machines: the machines, each with a name of its own.
        defaults: values for machines that do not set them.
        currency: the unit of prices.
        ssh_config: the SSH configuration, by default that of the user.
        known_hosts: the file of known host keys, by default that of SSH.
        key: the file of the private key, by default SSH's own and those of its agent.
    """

    machines: Annotated[tuple[FleetMachine, ...], Meta(min_length=1, max_length=MOST_MACHINES)]
    defaults: MachineDefaults = MachineDefaults()
    currency: Annotated[str, Meta(min_length=1, max_length=10)] = "USD"
    ssh_config: Path | None = None
    known_hosts: Path | None = None
    key: Path | None = None


class VisitedFacts(OpenDocument):
    """What a machine tells of itself; None where it does not.

    Attributes:
        folder: the absolute path of the fleet's folder.
        python: the version of its Python ("3.11.2").
        machine: the architecture ("x86_64").
        glibc: the version of its C library ("2.36").
        cpus: the CPUs that the account may use.
        free_bytes: the free space in the fleet's folder.
        clock_s: its clock, in seconds since 1970.
        boot: the identity of its boot.
        load: the average number of processes that want to run, over a minute.
        users: the accounts that are logged in.
        busy: the unit that measures there, of any fleet; "" for none.
    """

    folder: str
    python: str
    machine: str
    glibc: str | None = None
    cpu: str | None = None
    cpus: tuple[int, ...] = ()
    memory_bytes: int | None = None
    free_bytes: int | None = None
    clock_s: float = 0.0
    boot: str = ""
    load: float | None = None
    users: tuple[str, ...] = ()
    busy: str = ""


class MachineVisit(Document):
    """A visit to a machine: its facts if it was reached, and its problems, each with a remedy.

    Attributes:
        facts: None if it was not reached, or has no Python.
        clock_off_s: how far its clock is ahead of the controller's.
        problems: what keeps it out of the fleet.
        warnings: what may disturb its measurements.
    """

    name: Name
    facts: VisitedFacts | None = None
    clock_off_s: float = 0.0
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
