"""The real uv makes virtual environments from a folder of tiny wheels, without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import socket
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from scriptgraph.errors import DocumentError
from scriptgraph.process import programs as process
from scriptgraph.python_env.environments import (
    create_venv,
    install_locked,
    installed_versions,
    lock,
    locked_names,
)
from scriptgraph.python_env.uv import EnvironmentFailed, Uv, find_uv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.process.programs import Completed

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Shop:
    """A folder of packages in place of an index, and a runner that records its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, folder / "files"
        self.files.mkdir()
        self.commands: list[list[str]] = []
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_HTTP_RETRIES": "0",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        self.uv = Uv(find_uv().path, {"UV_FIND_LINKS": str(self.files)}, ("--no-index",))

    def run(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, check: bool = True) -> Completed:
        self.commands.append([str(part) for part in argv])
        completed = process.run(
            self.commands[-1], env={**self.env, **(env or {})}, cwd=self.folder, log=self.folder / "log"
        )
        return completed.require_success() if check else completed

    def wheel(self, name: str, version: str, *, tag: str = "py3-none-any", requires: str = "") -> str:
        """Add a wheel with one module and return its hash."""
        record = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += f"Requires-Dist: {requires}\n" if requires else ""
        content = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{record}/METADATA": metadata,
            f"{record}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        rows = [
            f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
            f"{len(text)}"
            for path, text in content.items()
        ]
        content[f"{record}/RECORD"] = "\n".join([*rows, f"{record}/RECORD,,"]) + "\n"
        path = self.files / f"{name}-{version}-{tag}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in content.items():
                archive.writestr(member, text)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def source(self, name: str, version: str) -> str:
        """Add a source distribution that cannot be built and return its hash."""
        path = self.files / f"{name}-{version}.tar.gz"
        members = {
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            "backend.py": "raise SystemExit('no compiler here')\n",
        }
        with tarfile.open(path, "w:gz") as archive:
            for member, text in members.items():
                entry = tarfile.TarInfo(f"{name}-{version}/{member}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def locked(self, text: str) -> Path:
        path = self.folder / "lock.txt"
        path.write_text(text, encoding="utf-8")
        return path

    def venv(self) -> Path:
        return create_venv(self.uv, Path(sys.executable), self.folder / "venv", self.run)

    def refused(self, lock_file: str) -> str:
        with pytest.raises(EnvironmentFailed) as failure:
            install_locked(self.uv, self.venv(), self.locked(lock_file), self.run)
        assert failure.value.log == self.folder / "log"
        assert "\n" not in str(failure.value)
        return str(failure.value)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    try:
        return Shop(tmp_path)
    except EnvironmentFailed as absent:
        pytest.skip(str(absent))


def test_an_environment_is_made_filled_and_may_be_moved(shop: Shop) -> None:
    digest = shop.wheel("tiny_engine", "1.5")
    python = shop.venv()
    install_locked(shop.uv, python, shop.locked(f"tiny-engine==1.5 \\\n    --hash=sha256:{digest}\n"), shop.run)
    (shop.folder / "venv").rename(shop.folder / "moved")
    python = shop.folder / "moved/bin/python"

    assert installed_versions(python) == {"tiny-engine": "1.5"}
    assert process.capture([str(python), "-c", "import tiny_engine; print(tiny_engine.VERSION)"]) == "1.5\n"


def test_another_hash_is_refused(shop: Shop) -> None:
    shop.wheel("tiny_engine", "1.5")

    text = shop.refused(f"tiny-engine==1.5 --hash=sha256:{'0' * 64}\n")

    assert "tiny-engine==1.5: the file of the package index does not have the hash" in text


def test_a_requirement_without_a_hash_is_refused(shop: Shop) -> None:
    shop.wheel("tiny_engine", "1.5")

    assert "tiny-engine" in shop.refused("tiny-engine==1.5\n")


def test_a_python_without_wheels_is_named(shop: Shop) -> None:
    digest = shop.wheel("tiny_engine", "1.5", tag="cp27-cp27m-linux_x86_64")

    text = shop.refused(f"tiny-engine==1.5 --hash=sha256:{digest}\n")

    assert f"tiny-engine==1.5 has no wheel for CPython {HERE}" in text
    assert os.uname().machine in text


def test_only_allowed_packages_are_compiled(shop: Shop) -> None:
    digest = shop.source("tiny_engine", "1.5")
    line = f"tiny-engine==1.5 --hash=sha256:{digest}\n"

    assert "tiny-engine==1.5 has no wheel for" in shop.refused(line)


def test_a_failed_compilation_names_what_to_install(shop: Shop) -> None:
    digest = shop.source("tiny_engine", "1.5")

    text = shop.refused(f"# compiled where there is no wheel: Tiny_Engine\ntiny-engine==1.5 --hash=sha256:{digest}\n")

    assert "tiny-engine==1.5 has no wheel for this machine and could not be compiled" in text
    assert "apt install g++ python3-dev" in text


def test_an_unreachable_index_is_reported(shop: Shop) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        index = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{unused.getsockname()[1]}/simple"}
        shop.uv = Uv(shop.uv.path, index)

        text = shop.refused(f"tiny-engine==1.5 --hash=sha256:{'0' * 64}\n")

    assert "the package index cannot be reached" in text


def test_a_missing_package_offline_names_the_option(shop: Shop) -> None:
    shop.uv = Uv(shop.uv.path, {"UV_DEFAULT_INDEX": "http://index.invalid/simple"}, offline=True)

    assert "--offline forbids to fetch them" in shop.refused(f"tiny-engine==1.5 --hash=sha256:{'0' * 64}\n")


def test_no_environment_is_made_for_an_absent_python(shop: Shop) -> None:
    with pytest.raises(EnvironmentFailed, match="the Python does not run; name another"):
        create_venv(shop.uv, Path("/no/such/python"), shop.folder / "venv", shop.run)
    assert not (shop.folder / "venv").exists()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("[]", "does not list its packages"),
        ("hello", "is not JSON"),
        ("[" * 10_000, "is nested more than 64 levels deep"),
    ],
)
def test_a_python_that_lists_no_packages_is_named(tmp_path: Path, answer: str, problem: str) -> None:
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)

    with pytest.raises(DocumentError, match=f"^{path}: .*{problem}"):
        installed_versions(path)


def test_a_lock_has_every_files_hash_and_no_address(shop: Shop) -> None:
    marker = "part; sys_platform == 'win32'"
    digests = [
        shop.wheel("tiny_engine", "1.5", requires=marker),
        shop.wheel("tiny_engine", "1.4"),
        shop.wheel("part", "2.0"),
    ]

    text = lock(shop.uv, ["tiny-engine>1", "part>=2; python_version < '3.11'"], "3.10", shop.run)

    assert locked_names(text) == ("part", "tiny-engine")
    assert "tiny-engine==1.5 \\\n" in text
    assert set(re.findall(r"sha256:([0-9a-f]{64})", text)) == {digests[0], digests[2]}
    assert "/" not in text


def test_a_lock_omits_packages_of_other_operating_systems(shop: Shop) -> None:
    shop.wheel("tiny_engine", "1.5", requires="part; sys_platform == 'win32'")
    shop.wheel("part", "2.0")

    assert locked_names(lock(shop.uv, ["tiny-engine"], "3.10", shop.run)) == ("tiny-engine",)


def test_a_lock_for_one_python_installs(shop: Shop) -> None:
    shop.wheel("tiny_engine", "1.5", requires="part")
    shop.wheel("part", "2.0")

    text = lock(shop.uv, ["tiny-engine"], HERE, shop.run, universal=False)
    python = shop.venv()
    install_locked(shop.uv, python, shop.locked(text), shop.run)

    assert installed_versions(python) == {"part": "2.0", "tiny-engine": "1.5"}


def test_unsatisfiable_requirements_are_named(shop: Shop) -> None:
    shop.wheel("tiny_engine", "1.5")

    with pytest.raises(EnvironmentFailed, match="tiny"):
        lock(shop.uv, ["tiny-engine>=2"], "3.10", shop.run)


def test_an_absent_uv_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)

    with pytest.raises(EnvironmentFailed, match="uv is not installed"):
        find_uv({"PATH": "/nonexistent"})


@pytest.mark.parametrize("package", ["absent", "without its program"])
def test_the_uv_in_path_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    def absent() -> str:
        raise FileNotFoundError

    monkeypatch.setitem(sys.modules, "uv", None if package == "absent" else SimpleNamespace(find_uv_bin=absent))
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o700)

    assert find_uv({"PATH": str(tmp_path)}).path == tmp_path / "uv"


def test_uv_gets_the_users_index(tmp_path: Path) -> None:
    uv = find_uv({"PATH": os.environ["PATH"], "PIP_INDEX_URL": "https://mirror.example", "HOME": str(tmp_path)})

    assert uv.env["UV_DEFAULT_INDEX"] == "https://mirror.example"
    assert uv.argv("venv")[1:] == ["venv", "--no-progress"]
