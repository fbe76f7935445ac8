"""A probe finds what an engine refuses, and does without where no result changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from fake_engines import DOCKER_INFO, PODMAN_INFO, FakeEngine, fake_engine

from scriptgraph.cli.container.engine import ContainerEngine, ContainerEngineError, find_engine
from scriptgraph.cli.container.probe import ContainerRefusedError, probed
from scriptgraph.cli.container.settings import ContainerSettings, cpuset_of
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

RLIMIT = "error setting rlimit type 7: operation not permitted: OCI permission denied"
CATATONIT = "container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file"
NO_CPUSET = "the requested cgroup controller `cpuset` is not available: OCI runtime error"
NO_SYSTEMD = "systemd cgroup flag passed, but systemd support for managing cgroups is not available"
NO_SUBUID = "no subuid ranges found for user"


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:/usr/bin:/bin")
    return fake_engine(tmp_path / "programs", "podman", PODMAN_INFO)


def engine(kind: str = "podman", *, rootless: bool = False, selinux: bool = False) -> ContainerEngine:
    return ContainerEngine(kind, "podman" if kind == "podman" else "docker", "4.3.1", rootless, selinux=selinux)


def probe(tmp_path: Path, settings: ContainerSettings) -> tuple[ContainerSettings, str]:
    """Return the settings after a probe, and what it said."""
    said: list[str] = []
    return probed(settings, "image", os.environ, tmp_path / "probe.log", said.append), "\n".join(said)


def test_all_is_asked_for_where_nothing_is_refused(tmp_path: Path, podman: FakeEngine) -> None:
    settings = ContainerSettings(engine(), (), tmp_path, cpuset="0-1", memory_bytes=1 << 30)

    after, said = probe(tmp_path, settings)

    assert (after, said) == (settings, "")
    (call,) = podman.calls()
    assert {"--init", "--cpuset-cpus=0-1", f"--memory={1 << 30}"} <= set(call)


@pytest.mark.parametrize(
    ("refused", "message", "option"),
    [
        ("--init", CATATONIT, ""),
        ("run", RLIMIT, "--ulimit=nofile="),
        ("run", NO_SYSTEMD, "--cgroup-manager=cgroupfs"),
        ("run", "could not find slirp4netns", "--network=host"),
    ],
)
def test_what_changes_no_result_is_left_out(
    tmp_path: Path, podman: FakeEngine, refused: str, message: str, option: str
) -> None:
    podman.refuse(refused, message, without=option)

    after, said = probe(tmp_path, ContainerSettings(engine(), (), tmp_path))

    words = after.run_argv("image", ["true"])
    assert refused not in words if refused == "--init" else any(word.startswith(option) for word in words)
    assert "it does without" in said
    assert "To change it" in said


def test_another_program_starts_containers(tmp_path: Path, podman: FakeEngine) -> None:
    other = tmp_path / "programs" / "runc"
    other.symlink_to("/bin/true")
    podman.refuse("run", "crun: cgroups in hybrid mode not supported, drop all controllers", without="--runtime=runc")

    after, said = probe(tmp_path, ContainerSettings(engine().replaced(runtime="crun"), (), tmp_path))

    assert after.engine_words() == ["podman", "--runtime=runc"]
    assert "apt install runc" in said


def test_several_refusals_are_met_one_after_the_other(tmp_path: Path, podman: FakeEngine) -> None:
    podman.refuse("--init", CATATONIT)
    podman.refuse("run", RLIMIT, without="--ulimit=")

    after, said = probe(tmp_path, ContainerSettings(engine(), (), tmp_path))

    assert after.without == {"init", "rlimits"}
    assert said.count("does without") == 2


def test_without_a_cpuset_the_affinity_binds(tmp_path: Path, podman: FakeEngine) -> None:
    podman.refuse("--cpuset-cpus", NO_CPUSET)

    after, _ = probe(tmp_path, ContainerSettings(engine(), (), tmp_path, cpuset="1-2"))

    words = after.run_argv("image", ["cm", "x"])
    assert words[words.index("image") + 1 :] == ["taskset", "--cpu-list", "1-2", "cm", "x"]
    assert not [word for word in words if word.startswith("--cpuset")]


def test_a_cpuset_that_is_ignored_is_noticed(tmp_path: Path, podman: FakeEngine) -> None:
    podman.change(obeys=False)

    with pytest.raises(ContainerRefusedError, match="may not bind a container to CPUs"):
        probe(tmp_path, ContainerSettings(engine(), (), tmp_path, cpuset="1-2"))


def test_an_ignored_limit_of_memory_is_an_error(tmp_path: Path, podman: FakeEngine) -> None:
    podman.change(obeys=False)

    with pytest.raises(ContainerRefusedError, match="may not limit memory; leave out --docker_memory"):
        probe(tmp_path, ContainerSettings(engine(), (), tmp_path, memory_bytes=1 << 30))


def test_rootless_podman_keeps_the_callers_number(tmp_path: Path, podman: FakeEngine) -> None:
    words = ContainerSettings(engine(rootless=True), (), tmp_path).run_argv("image", ["true"])
    assert "--userns=keep-id" in words
    assert words[words.index("--user") + 1] == f"{os.getuid()}:{os.getgid()}"

    podman.refuse("keep-id", NO_SUBUID)
    after, _ = probe(tmp_path, ContainerSettings(engine(rootless=True), (), tmp_path))
    words = after.run_argv("image", ["true"])
    assert "--userns=keep-id" not in words
    assert words[words.index("--user") + 1] == "0:0"


def test_rootless_docker_runs_as_its_root(tmp_path: Path) -> None:
    words = ContainerSettings(engine("docker", rootless=True), (), tmp_path).run_argv("image", ["true"])

    assert words[words.index("--user") + 1] == "0:0"


def test_a_hidden_folder_is_an_error_without_selinux(tmp_path: Path, podman: FakeEngine) -> None:
    podman.change(hidden=[str(tmp_path)])

    with pytest.raises(ContainerRefusedError, match=f"{tmp_path} is not readable in a container"):
        probe(tmp_path, ContainerSettings(engine(), (tmp_path,), tmp_path))


def test_selinux_labels_are_left_as_they_are(tmp_path: Path, podman: FakeEngine) -> None:
    podman.change(hidden=[str(tmp_path)])

    after, said = probe(tmp_path, ContainerSettings(engine(selinux=True), (tmp_path,), tmp_path))

    assert "--security-opt=label=disable" in after.run_argv("image", ["true"])
    assert "chcon" in said


def test_an_unknown_refusal_shows_the_last_line(tmp_path: Path, podman: FakeEngine) -> None:
    podman.refuse("run", "Error: the moon is in the way", status=126)

    with pytest.raises(ContainerRefusedError, match=r"status 126: Error: the moon is in the way"):
        probe(tmp_path, ContainerSettings(engine(), (), tmp_path))


def test_docker_has_no_cgroup_manager_to_choose(tmp_path: Path) -> None:
    settings = ContainerSettings(engine("docker"), (), tmp_path)

    assert not settings.can_do_without("cgroup manager")
    assert not settings.can_do_without("user namespace")


@pytest.mark.parametrize(
    ("changes", "machine"),
    [
        ({}, ""),
        ({"OperatingSystem": "Docker Desktop"}, "Docker Desktop's virtual machine"),
        ({"KernelVersion": "5.15.153.1-microsoft-standard-WSL2"}, "WSL's virtual machine"),
    ],
)
def test_a_desktops_virtual_machine_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], machine: str
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:/usr/bin:/bin")
    fake_engine(tmp_path / "programs", "docker", {**DOCKER_INFO, **changes})

    found = find_engine("docker", "")

    assert (found.kind, found.version, found.machine) == ("docker", "27.3.1", machine)


def test_podman_under_dockers_name_is_podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:/usr/bin:/bin")
    fake_engine(tmp_path / "programs", "docker", PODMAN_INFO)

    found = find_engine("docker", "")

    assert (found.program, found.kind) == ("docker", "podman")


def test_podman_is_found_where_docker_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, podman: FakeEngine
) -> None:
    docker = fake_engine(tmp_path / "programs", "docker", DOCKER_INFO)
    docker.refuse("info", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", status=1)

    assert find_engine("", "").program == "podman"
    with pytest.raises(ContainerEngineError, match="no docker engine answers"):
        find_engine("docker", "")


@pytest.mark.parametrize("answer", [[], {}, {"host": 1}, {"ServerVersion": 3}, {"ServerErrors": ["no daemon"]}])
def test_an_odd_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:/usr/bin:/bin")
    fake_engine(tmp_path / "programs", "docker", answer)  # type: ignore[arg-type]

    with pytest.raises(ContainerEngineError, match="no docker engine answers"):
        find_engine("docker", "cm run script")


def test_a_shells_cpus_are_those_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 2})

    assert cpuset_of("", engine()) == "0,2"
    assert cpuset_of("2", engine()) == "2"
    assert cpuset_of("5-6", ContainerEngine("docker", "docker", "27", False, "a virtual machine")) == "5-6"
    with pytest.raises(
        RequestError, match=r"--docker_cpuset=0-1: has CPUs that may not be used here; name some of 0,2"
    ):
        cpuset_of("0-1", engine())


def test_a_shell_with_all_cpus_binds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})

    assert cpuset_of("", engine()) == ""


def test_a_build_has_settings_of_its_own(tmp_path: Path) -> None:
    settings = ContainerSettings(engine(), (), tmp_path)

    assert settings.can_do_without("build isolation", building=True)
    assert not settings.can_do_without("build isolation")
    assert not settings.can_do_without("init", building=True)
    words = settings.replaced(without=frozenset({"build isolation", "rlimits"})).build_words()
    assert "--isolation=chroot" in words
    assert any(word.startswith("--ulimit=nofile=") for word in words)
