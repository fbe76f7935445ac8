"""The installed package: from a wheel, from an sdist, beside another package, with an older index."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from typing import TYPE_CHECKING

import pytest
from cm_command import CHECKOUT, CM, Cm

from mlperf_home.leaderboard.board_repository.creation import PLACES
from mlperf_home.samples import mobilenet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel, and an sdist with the wheel made from it; the build tools must be installed."""
    pytest.importorskip("build")
    pytest.importorskip("setuptools", minversion="77", reason="building without a network needs setuptools here")
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False).stdout
    if not names:
        pytest.skip("the checkout's files are listed by git, which is absent")
    for name in filter(None, names.split("\0")):
        if (CHECKOUT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((CHECKOUT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--no-isolation"]
    subprocess.run([*build, "--wheel", "--outdir", folder / "wheel", source], check=True, capture_output=True)
    # Without a kind, build makes the sdist and then the wheel from the sdist.
    subprocess.run([*build, "--outdir", folder / "sdist", source], check=True, capture_output=True)
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Callable[[Path], Path]:
    """Return a function that installs wheels into a fresh environment and returns its `cm`."""

    def install(*wheels: Path, name: str = "venv") -> Path:
        place = tmp_path / name
        venv.create(place, with_pip=False, symlinks=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = place / "lib" / version / "site-packages"
        uv = CM.with_name("uv")
        target = [
            str(uv),
            "pip",
            "install",
            "--python",
            str(place / "bin/python"),
            "--no-deps",
            "--offline",
            *map(str, wheels),
        ]
        subprocess.run(target, check=True, capture_output=True)
        # Borrow all other packages; they end the path, so the installed wheels come first.
        (packages / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        cm = place / "bin/cm"
        cm.write_text(f"#!{place / 'bin/python'}\nimport sys\nfrom cmind.cli import run\nsys.exit(run())\n")
        cm.chmod(0o755)
        return cm

    return install


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_nothing_is_needed_after_the_installation(
    distributions: Path, installed: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    program = installed(wheel_in(distributions / kind))
    home = tmp_path / "cm"
    home.mkdir()

    ended = Cm(home, program).script("detect,os", "--out=json")

    assert ended.code == 0, ended.output
    assert ended.document["new_env"]["CM_HOST_OS_TYPE"] == "linux"
    assert Cm(home, program)("show", "cache", "--out=json").document["entries"] == []
    assert Cm(home, program)("find", "script", "detect os", "--out=json").document["scripts"][0]["alias"] == "detect-os"
    # The lock of the checkout must match the installed files.
    checked = Cm(home, program)("run", "challenge", "run-mlperf@home-v3.1-cpu", "--sample", "--check")
    assert checked.code == 0, checked.output


def test_the_embedded_sample_is_installed(distributions: Path) -> None:
    with zipfile.ZipFile(wheel_in(distributions / "wheel")) as archive:
        listed = archive.namelist()

    mobilenets = [f"samples/mobilenet/{path.name}" for path in mobilenet.MODELS.values()]
    samples = ["samples/bert/dense.onnx", "samples/bert/pruned-quantised.onnx", *mobilenets]
    for name in (*samples, "samples/mobilenet/sample.json", "environments/deepsparse.txt"):
        assert f"mlperf_home/{name}" in listed
    assert {f"mlperf_home/leaderboard/board_repository/{name}" for name in PLACES} <= set(listed)
    assert "cm_mlperf_home/cmr.yaml" in listed
    for name in ("script/_cm.json", "script/module.py", "cache/_cm.json", "cache/module.py"):
        assert f"cm_mlperf_home/automation/{name}" in listed
    assert "cm_mlperf_home/script/detect-os/_cm.json" in listed


def test_a_second_environment_works_after_the_first_is_gone(
    distributions: Path, installed: Callable[..., Path], tmp_path: Path
) -> None:
    wheel = wheel_in(distributions / "wheel")
    home = tmp_path / "cm"
    home.mkdir()
    first = Cm(home, installed(wheel, name="first"))
    assert first.script("detect,os").code == 0
    second = Cm(home, installed(wheel, name="second"))
    assert second.script("detect,os").code == 0
    (tmp_path / "first").rename(tmp_path / "gone")

    ended = second.script("detect,os")

    assert ended.code == 0, ended.output


def test_an_older_index_does_not_hide_an_updates_files(
    distributions: Path, installed: Callable[..., Path], tmp_path: Path
) -> None:
    home = tmp_path / "cm"
    home.mkdir()
    cm = Cm(home, installed(wheel_in(distributions / "wheel")))
    (added,) = (tmp_path / "venv/lib").glob("*/site-packages/cm_mlperf_home/automation/cache")
    added.rename(tmp_path / "later")
    assert cm.script("detect,os").code == 0  # cmind indexes the repository in this state
    assert "cache" not in json.loads((home / "index.json").read_text())["automation"]
    (tmp_path / "later").rename(added)

    for words in (("show", "cache"), ("find", "cache"), ("rm", "cache", "-f")):
        ended = cm(*words)
        assert ended.code == 0, ended.output
        assert str(home) in ended.out


THEIR_CODE = """
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    return Done(exports={"CM_GREETING": f"hello, {context.text('CM_HOST_OS_TYPE')}"})
"""


@pytest.fixture
def their_wheel(tmp_path: Path) -> Path:
    """Build another author's wheel: a package named cm*, with a script that depends on ours."""
    manifest = {
        "automation_alias": "script", "automation_uid": "5b4e0237da074764", "alias": "greet-host",
        "uid": "8765432187654321", "tags": ["greet", "host"], "name": "Greet this host",
        "deps": [{"tags": "detect,os"}], "env_keys": ["CM_HOST_OS_TYPE"], "new_env_keys": ["CM_GREETING"],
    }  # fmt: skip
    about = "cm_theirs-1.dist-info"
    files = {
        "cm_theirs/__init__.py": "",
        "cm_theirs/cmr.yaml": "alias: theirs\nuid: 12345678abcd1234\ngit: false\n",
        "cm_theirs/script/greet-host/_cm.json": json.dumps(manifest),
        "cm_theirs/script/greet-host/customize.py": THEIR_CODE,
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: cm-theirs\nVersion: 1\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    wheel = tmp_path / "cm_theirs-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD")))
    return wheel


def test_scripts_of_another_package_depend_on_ours(
    distributions: Path, installed: Callable[..., Path], their_wheel: Path, tmp_path: Path
) -> None:
    home = tmp_path / "cm"
    home.mkdir()
    cm = Cm(home, installed(wheel_in(distributions / "wheel"), their_wheel))

    ended = cm.script("greet,host", "--out=json")

    assert ended.code == 0, ended.output
    assert ended.document["new_env"]["CM_GREETING"] == "hello, linux"
    listed = cm("find", "script", "--out=json").document["scripts"]
    assert {"greet-host", "detect-os"} <= {each["alias"] for each in listed}
