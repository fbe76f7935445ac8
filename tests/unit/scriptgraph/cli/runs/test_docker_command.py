"""The words and the variable passed to a container, and the packages copied into its image."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from scriptgraph.cli.runs.docker_command import installed_packages, run_argv, words_inside, words_outside


def test_packages_missing_in_top_level_txt_are_found(tmp_path: Path) -> None:
    about = tmp_path / "mlperf_home-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mlperf-home\nVersion: 1.0\n")
    (about / "top_level.txt").write_text("scriptgraph\n")
    files = ["scriptgraph/__init__.py", "scriptgraph/fetch/__init__.py", "cm_mlperf_home/__init__.py"]
    files += ["cm_mlperf_home/cmr.yaml", "mlperf_home-1.0.dist-info/METADATA"]
    for file in files:  # newer readers of such lists leave out what is absent
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    files.append("../../../bin/cm")
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    (distribution,) = metadata.distributions(path=[str(tmp_path)])

    assert installed_packages(distribution) == [tmp_path / "cm_mlperf_home", tmp_path / "scriptgraph"]


def test_the_home_and_dockers_options_stay_outside() -> None:
    words = [
        "--tags=a",
        "--home=/h",
        "-home=",
        "--docker_mounts=/m",
        "--docker-mounts=/m",
        "--cache-dir=c",
        "--mirrors=",
    ]

    inside = words_inside(words, {"cache_dir": Path("/here/c"), "mirrors": Path("/here/m")})

    assert inside == ["--tags=a", "--cache-dir=/here/c", "--mirrors="]
    assert words_outside(words) == ["--tags=a", "--home=/h", "-home=", "--cache-dir=c", "--mirrors="]


def test_the_variable_is_passed_only_if_it_is_set() -> None:
    argv = run_argv("image", Path("/home"), (), ["cm"], "--env.A='b c'")

    assert argv[argv.index("--env") + 1] == "CM_SCRIPT_EXTRA_CMD=--env.A='b c'"
    assert "--env" not in run_argv("image", Path("/home"), (), ["cm"])
