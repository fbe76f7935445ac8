"""`cm docker script` and `cm podman script` with fake engines, which note their arguments and run nothing."""

from __future__ import annotations

import json
import os
import platform
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest
from fake_engines import DOCKER_INFO, PODMAN_INFO, FakeEngine, fake_engine

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm, Ended


@pytest.fixture
def programs(cm: Cm, tmp_path: Path) -> Path:
    """Put a folder of programs first on PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    cm.environment["PATH"] = f"{folder}:{cm.environment['PATH']}"
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_FIND_LINKS", "PIP_CERT"):
        cm.environment.pop(name, None)
    cm.environment["PIP_CONFIG_FILE"] = os.devnull
    return folder


@pytest.fixture
def engine(programs: Path) -> FakeEngine:
    return fake_engine(programs, "docker", DOCKER_INFO)


def docker(cm: Cm, *options: str, **extra: str) -> Ended:
    return cm("docker", "script", *options, **extra)


def test_the_guides_test_of_docker_builds_and_runs(cm: Cm, engine: FakeEngine) -> None:
    ended = docker(cm, "--tags=detect,os", "-j")

    assert ended.code == 0, ended.output
    assert "said in the container" in ended.out
    assert [words[0] for words in engine.calls()] == ["info", "image", "build", "image", "run", "run"]
    build, run = engine.calls()[2], engine.calls()[-1]
    image = build[build.index("--tag") + 1]
    assert run[run.index(image) :] == [image, "cm", "run", "script", "--tags=detect,os", "-j"]
    assert f"{os.getuid()}:{os.getgid()}" in run
    # Results are named after the machine, not after each container.
    assert run[run.index("--hostname") + 1] == platform.node()
    folder = cm.home / "mlperf-home" / "docker"
    recipe = (folder / "image" / "Dockerfile").read_text()
    assert recipe.startswith("FROM python:")
    assert "--require-hashes" in recipe
    assert any((folder / "image").glob("mlperf_home-*.whl"))


def test_the_guides_folders_are_mounted_at_the_same_paths(cm: Cm, engine: FakeEngine, tmp_path: Path) -> None:
    imagenet = tmp_path / "imagenet; rm -rf x"
    imagenet.mkdir()
    results, tree = tmp_path / "results", tmp_path / "tree"

    ended = docker(
        cm,
        "--tags=run,mobilenet-models,_tflite,_accuracy-only",
        "--adr.compiler.tags=gcc",
        "--docker_cm_repo=mlcommons@ck",
        f"--imagenet_path={imagenet}",
        f"--results_dir={results}",
        f"--submission_dir={tree}",
        "--docker_base_image=python:3.12",
    )

    assert ended.code == 0, ended.output
    assert "the container has the scripts of this installation" in ended.err
    run = engine.calls()[-1]
    for folder in (imagenet, results, tree):
        assert f"type=bind,source={folder},target={folder}" in run
        assert folder.is_dir()
    assert f"--imagenet_path={imagenet}" in run
    assert not [word for word in run if "docker" in word and word.startswith("--")]


def test_a_relative_path_is_the_same_place_in_the_container(cm: Cm, engine: FakeEngine) -> None:
    ended = docker(cm, "--tags=run,mobilenet-models,_sample", "--results_dir=here")

    assert ended.code == 0, ended.output
    assert f"--results_dir={cm.home / 'here'}" in engine.calls()[-1]


def test_the_containers_home_is_its_own(cm: Cm, engine: FakeEngine) -> None:
    (cm.home / "mirrors.json").write_text("{}")
    options = ("--home=elsewhere", "--cache_dir=kept", "--mirrors=mirrors.json")

    ended = docker(cm, "--tags=detect,os", *options)

    assert ended.code == 0, ended.output
    run = engine.calls()[-1]
    assert not [word for word in run if word.startswith("--home")]
    assert f"type=bind,source={cm.home / 'elsewhere' / 'docker' / 'home'},target=/home/cm" in run
    for name, path in (("cache_dir", cm.home / "kept"), ("mirrors", cm.home / "mirrors.json")):
        assert f"--{name}={path}" in run
        assert f"type=bind,source={path},target={path}" in run
    assert not [word for word in run if word.startswith("CM_SCRIPT_EXTRA_CMD")]


def test_the_variable_reaches_the_container(cm: Cm, engine: FakeEngine) -> None:
    engine.change(watched=["CM_SCRIPT_EXTRA_CMD"])
    extra = "--docker_base_image=python:3.12 --home=elsewhere --cache_dir=kept --adr.absent.tags=a,b --env.CM_A='b c'"

    ended = docker(cm, "--tags=detect,os", CM_SCRIPT_EXTRA_CMD=extra)

    assert ended.code == 0, ended.output
    passed = f"--cache_dir={cm.home / 'kept'} --adr.absent.tags=a,b '--env.CM_A=b c'"
    assert engine.notes()[-1]["env"]["CM_SCRIPT_EXTRA_CMD"] == passed
    assert "CM_SCRIPT_EXTRA_CMD" in engine.calls()[-1]


def test_a_shell_needs_a_terminal(cm: Cm, engine: FakeEngine) -> None:
    refused = docker(cm, "--tags=detect,os", "--docker_skip_run_cmd")
    assert refused.code != 0
    assert "needs a terminal" in refused.output
    assert not engine.calls()

    ours, theirs = pty.openpty()
    argv = [str(cm.program), "docker", "script", "--tags=detect,os", "--docker_skip_run_cmd"]
    ended = subprocess.run(argv, env=cm.environment, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)

    assert ended.returncode == 0, ended.stderr
    run = engine.calls()[-1]
    assert {"--interactive", "--tty"} <= set(run)
    assert run[-1] == "bash"
    assert "cm run script --tags=detect,os" in ended.stderr


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        ("info", "no docker engine answers"),
        ("build", "the image cannot be built (status 7: no daemon, no fun)"),
        ("run", "no container can be started (status 7: no daemon, no fun)"),
        ("run .*cm run script", "the container ended with status 7"),
    ],
)
def test_a_failure_of_docker_is_one_line(cm: Cm, engine: FakeEngine, failing: str, message: str) -> None:
    engine.refuse(f"^{failing}", "no daemon, no fun", status=7)

    ended = docker(cm, "--tags=detect,os", "--container_engine=docker")

    assert ended.code != 0
    assert message in ended.output
    assert "Traceback" not in ended.output
    assert engine.calls()[-1][0] == failing.split(maxsplit=1)[0]


def test_a_file_in_the_way_is_named(cm: Cm, engine: FakeEngine) -> None:
    in_the_way = cm.home / "mlperf-home" / "docker"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.touch()

    ended = docker(cm, "--tags=detect,os")

    assert ended.code != 0
    assert f"{in_the_way}" in ended.output
    assert "correct this and run again" in ended.output
    assert "Traceback" not in ended.output
    assert [words[0] for words in engine.calls()] == ["info"]


def test_without_docker_the_error_says_what_to_do(cm: Cm, tmp_path: Path) -> None:
    ended = docker(cm, "--tags=detect,os", PATH=str(tmp_path))

    assert ended.code != 0
    assert "docker is not on PATH; podman is not on PATH; install Docker Engine" in ended.output
    assert "cm run script --tags=detect,os" in ended.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tags=detect,oz"], "detect-os"),
        (["--tags=detect,os", "--docker_mount=/tmp"], "did you mean --docker_mounts?"),
        (["--tags=detect,os", "--docker_base_image=--privileged"], "is not the name of an image"),
        (["--tags=detect,os", "--with=deepspars"], "did you mean deepsparse?"),
        (["--tags=detect,os", "--docker_mounts=/nowhere/at/all"], "does not exist; name a folder"),
        (["--tags=run,mobilenet-models", "--imagenet_path=/nowhere/at/all"], "neither it nor the folder"),
        (
            ["--tags=run,mobilenet-models", "--results_dir=/tmp/a,target=/etc"],
            "has a comma, a quote or a line break",
        ),
        (["--tags=run,mobilenet-models", "--resultsdir=/tmp"], "has no option --resultsdir"),
    ],
)
def test_a_wrong_command_starts_nothing(cm: Cm, engine: FakeEngine, options: list[str], message: str) -> None:
    ended = docker(cm, *options)

    assert ended.code != 0
    assert message in ended.output
    assert not engine.calls()


def test_podman_is_found_without_an_alias(cm: Cm, programs: Path) -> None:
    podman = fake_engine(programs, "podman", PODMAN_INFO)
    refusing = fake_engine(programs, "docker", DOCKER_INFO)
    refusing.refuse("^info", "Cannot connect to the Docker daemon", status=1)

    for words in (("docker", "script"), ("podman", "script"), ("docker", "script", "--container_engine=podman")):
        ended = cm(*words, "--tags=detect,os")

        assert ended.code == 0, ended.output
        assert "said in the container" in ended.out
    assert len(podman.runs()) == 3
    assert all("--container_engine=podman" not in words for words in podman.runs())


def test_the_run_inside_knows_its_container(cm: Cm, engine: FakeEngine) -> None:
    engine.change(watched=["SCRIPTGRAPH_CONTAINER"])

    cpu = str(min(os.sched_getaffinity(0)))

    ended = docker(cm, "--tags=detect,os", f"--docker_cpuset={cpu}", "--docker_memory=2g")

    assert ended.code == 0, ended.output
    handed = json.loads(engine.notes()[-1]["env"]["SCRIPTGRAPH_CONTAINER"])
    assert handed == {
        "engine": "docker", "version": "27.3.1", "image_digest": f"sha256:{'a' * 64}", "cpuset": cpu,
        "memory_limit_bytes": 2 << 30, "rootless": False, "virtual_machine": "",
    }  # fmt: skip


def test_secrets_are_in_no_layer_and_no_command(cm: Cm, engine: FakeEngine) -> None:
    index, proxy = "https://me:pa55@index.lab/simple", "http://me:pa55@proxy.lab:8080"
    engine.change(watched=["HTTPS_PROXY", "TOKEN"])

    shell = {"PIP_INDEX_URL": index, "HTTPS_PROXY": proxy, "TOKEN": "of pa55"}

    ended = docker(cm, "--tags=detect,os", "--docker_env.TOKEN", **shell)

    assert ended.code == 0, ended.output
    notes = engine.notes()
    build = next(note for note in notes if note["words"][0] == "build")
    assert index in build["secret"]
    assert build["secret_mode"] == 0o600
    assert notes[-1]["env"] == {"HTTPS_PROXY": proxy, "TOKEN": "of pa55"}
    assert {"HTTPS_PROXY", "TOKEN"} <= set(notes[-1]["words"])
    assert "pa55" not in " ".join(word for note in notes for word in note["words"]) + ended.output
    written = [path for path in cm.home.rglob("*") if path.is_file() and path.suffix != ".whl"]
    assert not [path for path in written if b"me:pa55" in path.read_bytes()]


def test_certificates_reach_the_build_and_the_run(cm: Cm, engine: FakeEngine, tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_text("-----BEGIN CERTIFICATE-----\n")

    ended = docker(cm, "--tags=detect,os", f"--docker_certificates={own}")

    assert ended.code == 0, ended.output
    context = cm.home / "mlperf-home" / "docker" / "image"
    assert (context / "certificates.pem").read_bytes() == own.read_bytes()
    run = engine.calls()[-1]
    assert f"type=bind,source={own},target=/opt/certificates.pem,readonly" in run
    assert "SSL_CERT_FILE=/opt/certificates.pem" in run


def test_deepsparse_is_not_to_be_redistributed(cm: Cm, engine: FakeEngine) -> None:
    ended = docker(cm, "--tags=detect,os", "--with=deepsparse,litert")

    assert ended.code == 0, ended.output
    recipe = (cm.home / "mlperf-home" / "docker" / "image" / "Dockerfile").read_text()
    assert "LABEL mlperf-home.redistribution=\"not to be redistributed: DeepSparse's licence" in recipe
    assert recipe.count("COPY --from=build /opt/environments/") == 2
    docker(cm, "--tags=detect,os", "--with=litert")
    assert "redistribution" not in (cm.home / "mlperf-home" / "docker" / "image" / "Dockerfile").read_text()
    assert not [words for words in engine.calls() if "push" in words]


def test_wheels_make_a_build_without_network(cm: Cm, engine: FakeEngine, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in ("cmind-4.2.0-py3-none-any.whl", "notes.txt"):
        (wheels / name).touch()

    ended = docker(cm, "--tags=detect,os", f"--docker_wheels={wheels}", "--offline")

    assert ended.code == 0, ended.output
    context = cm.home / "mlperf-home" / "docker" / "image"
    assert [path.name for path in (context / "wheels").iterdir()] == ["cmind-4.2.0-py3-none-any.whl"]
    build = next(words for words in engine.calls() if words[0] == "build")
    assert "--network=none" in build


def test_a_base_that_is_not_here_is_fetched_by_its_name(cm: Cm, programs: Path) -> None:
    podman = fake_engine(programs, "podman", PODMAN_INFO)
    podman.change(images={})

    ended = cm("podman", "script", "--tags=detect,os", "--docker_base_image=debian:12")
    assert ended.code == 0, ended.output
    assert ["pull", "docker.io/library/debian:12"] in podman.calls()

    refused = cm("podman", "script", "--tags=detect,os", "--docker_base_image=debian:12", "--offline")
    assert refused.code != 0
    assert (
        "debian:12 is not here, and --offline fetches nothing; fetch it once: podman pull debian:12" in refused.output
    )


def test_a_base_that_is_gone_is_named(cm: Cm, engine: FakeEngine) -> None:
    engine.change(images={})
    engine.refuse("^pull", "Error response from daemon: manifest for python:gone not found: manifest unknown", status=1)

    ended = docker(cm, "--tags=detect,os", "--docker_base_image=python:gone")

    assert ended.code != 0
    assert "python:gone cannot be fetched: the image does not exist in its registry" in ended.output
    assert "--docker_base_image" in ended.output


def test_the_digest_of_the_base_is_a_label(cm: Cm, engine: FakeEngine) -> None:
    ended = docker(cm, "--tags=detect,os")

    assert ended.code == 0, ended.output
    recipe = (cm.home / "mlperf-home" / "docker" / "image" / "Dockerfile").read_text()
    assert f'LABEL org.opencontainers.image.base.digest="sha256:{"b" * 64}"' in recipe


def test_a_proxy_on_this_machine_uses_its_network(cm: Cm, engine: FakeEngine) -> None:
    ended = docker(cm, "--tags=detect,os", HTTPS_PROXY="http://127.0.0.1:3128")

    assert ended.code == 0, ended.output
    assert [words[0] for words in engine.calls() if "--network=host" in words] == ["build", "run", "run"]
