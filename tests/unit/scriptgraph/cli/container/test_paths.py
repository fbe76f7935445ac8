"""The words that are passed to a container."""

from __future__ import annotations

from pathlib import Path

from scriptgraph.cli.container.paths import words_inside, words_outside


def test_the_home_and_the_containers_options_stay_outside() -> None:
    words = [
        "--tags=a",
        "--home=/h",
        "-home=",
        "--docker_mounts=/m",
        "--docker-mounts=/m",
        "--docker_env.TOKEN=x",
        "--container-engine=podman",
        "--with=litert",
        "--cache-dir=c",
        "--mirrors=",
    ]

    inside = words_inside(words, {"cache_dir": Path("/here/c"), "mirrors": Path("/here/m")})

    assert inside == ["--tags=a", "--cache-dir=/here/c", "--mirrors="]
    assert words_outside(words) == ["--tags=a", "--home=/h", "-home=", "--cache-dir=c", "--mirrors="]
