"""Pythons are found by running them; if none fits, the error says what to install."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from scriptgraph.process.programs import ProcessFailed
from scriptgraph.python_env import interpreters
from scriptgraph.python_env.interpreters import (
    NoPythonError,
    candidates,
    download_interpreter,
    find_interpreter,
    obtain_interpreter,
    parse_version,
    probe,
    probe_all,
)

if TYPE_CHECKING:
    from pathlib import Path

HERE = sys.version_info[:3]


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def python(path: Path, version: str, **fields: object) -> Path:
    """Write a program that answers the probe like a Python of that version."""
    answer = {
        "path": str(path),
        "version": [int(part) for part in version.split(".")],
        "final": True,
        "implementation": "CPython",
        "machine": "x86_64",
        "64 bits": True,
        "free_threaded": False,
        **fields,
    }
    return executable(path, f"echo '{json.dumps(answer)}'")


def test_the_running_python_answers_the_probe() -> None:
    found = probe(sys.executable)  # type: ignore[arg-type]

    assert found.version == HERE
    assert found.machine == os.uname().machine
    assert found.version_text == ".".join(map(str, HERE))


def test_the_path_is_that_of_a_virtual_environments_base() -> None:
    found = probe(sys.executable)  # type: ignore[arg-type]

    assert not (found.path.parent.parent / "pyvenv.cfg").exists()


def test_the_newest_that_fits_is_chosen(tmp_path: Path) -> None:
    places = [python(tmp_path / name, name) for name in ("3.9.18", "3.10.13", "3.11.2", "3.11.7", "3.12.1")]

    found = find_interpreter((3, 10), (3, 12), places=places)

    assert found.version == (3, 11, 7)
    assert found.path == tmp_path / "3.11.7"


def test_of_equally_new_ones_the_first_is_chosen(tmp_path: Path) -> None:
    places = [python(tmp_path / name, "3.11.7") for name in ("a", "b")]

    assert find_interpreter((3, 10), (3, 12), places=places).path == tmp_path / "a"


@pytest.mark.parametrize(
    "oddity", [{"implementation": "PyPy"}, {"64 bits": False}, {"free_threaded": True}, {"final": False}]
)
def test_pythons_without_ordinary_wheels_do_not_fit(tmp_path: Path, oddity: dict[str, object]) -> None:
    odd = python(tmp_path / "odd", "3.11.9", **oddity)
    plain = python(tmp_path / "plain", "3.11.2")

    assert find_interpreter((3, 10), (3, 12), places=[odd, plain]).path == plain
    with pytest.raises(NoPythonError, match=r"3\.11\.9 \(.*odd, not a plain CPython\)"):
        find_interpreter((3, 10), (3, 12), places=[odd])


def test_programs_that_are_no_python_are_skipped(tmp_path: Path) -> None:
    shim = executable(tmp_path / "shim", "echo 'pyenv: python3.11: command not found' >&2; exit 127")
    liar = executable(tmp_path / "liar", "echo hello")
    silent = executable(tmp_path / "silent", ":")
    nested = executable(tmp_path / "nested", "printf '[%.0s' $(seq 10000)")
    plain = tmp_path / "plain.txt"
    plain.write_text("no program", encoding="ascii")
    good = python(tmp_path / "good", "3.11.2")

    found = probe_all([tmp_path / "absent", tmp_path, plain, shim, liar, silent, nested, good])

    assert [each.path for each in found] == [good]
    with pytest.raises(ProcessFailed, match="exited with status 127"):
        probe(shim)
    for odd in (liar, nested):
        with pytest.raises(NoPythonError, match="does not behave like a Python"):
            probe(odd)


def test_each_python_is_probed_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    answer = {"path": str(tmp_path / "python3.11"), "version": [3, 11, 2], "final": True}
    answer |= {"implementation": "CPython", "machine": "x86_64", "64 bits": True, "free_threaded": False}
    real = executable(tmp_path / "python3.11", f"echo probed >> {calls}; echo '{json.dumps(answer)}'")
    for name in ("python3", "python"):
        (tmp_path / name).symlink_to(real)

    found = probe_all([real, tmp_path / "python3", tmp_path / "python"])

    assert len(found) == 1
    assert calls.read_text(encoding="ascii") == "probed\n"
    assert probe_all([real]) == found
    assert calls.read_text(encoding="ascii") == "probed\n"


def test_a_changed_python_or_environment_is_probed_again(tmp_path: Path) -> None:
    place = python(tmp_path / "python3", "3.10.1")
    (before,) = probe_all([place])
    place.unlink()
    (after,) = probe_all([python(place, "3.11.12")])
    other = executable(tmp_path / "python", '[ "$WHICH" = good ] && exec "$0"3 || exit 127')

    assert [before.version, after.version] == [(3, 10, 1), (3, 11, 12)]
    assert [len(probe_all([other], {"WHICH": which})) for which in ("bad", "good")] == [0, 1]


def test_the_candidates_and_their_order(tmp_path: Path) -> None:
    for place in ("pyenv/versions/3.11.7", "home/.local/share/uv/python/cpython-3.11.9"):
        python(tmp_path / place / "bin/python3", "3.11.7")
    environ = {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{tmp_path / 'first'}:{tmp_path / 'second'}",
        "PYENV_ROOT": str(tmp_path / "pyenv"),
        "CONDA_PREFIX": str(tmp_path / "conda"),
    }

    places = [str(place).removeprefix(f"{tmp_path}/") for place in candidates((3, 10), (3, 12), environ)]

    assert places[0] == sys.executable
    assert places[1:6] == ["first/python3.12", "first/python3.11", "first/python3.10", "first/python3", "first/python"]
    assert "second/python3.11" in places
    assert places[-3:] == [
        "pyenv/versions/3.11.7/bin/python3",
        "home/.local/share/uv/python/cpython-3.11.9/bin/python3",
        "conda/bin/python",
    ]


def test_the_error_lists_what_was_found_and_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(NoPythonError) as failure:
        find_interpreter((3, 10), (3, 12), places=[python(tmp_path / "python3", "3.12.1")])

    text = str(failure.value)
    start = f"no CPython from 3.10 to below 3.12 is installed; found: 3.12.1 ({tmp_path}/python3). Install"
    assert text.startswith(start)
    assert "apt install python3.11" in text
    assert "conda create -n python3.11 python=3.11" in text
    assert "uv python install 3.11" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("minimum", "below", "named"),
    [((3, 10), (3, 12), "3.11"), ((3, 11, 7), (3, 11, 8), "3.11"), ((3, 10), (3, 99), "3.10"), ((3, 10), (4,), "3.10")],
)
def test_the_advice_names_a_version_that_fits(minimum: tuple[int, ...], below: tuple[int, ...], named: str) -> None:
    with pytest.raises(NoPythonError, match=rf"apt install python{named};"):
        find_interpreter(minimum, below, places=[])


UV_THAT_DOWNLOADS = """
test "$1 $2" = "python install" || exit 9
echo "$@" >> "$UV_PYTHON_INSTALL_DIR.calls"
mkdir -p "$UV_PYTHON_INSTALL_DIR/cpython-3.11.9/bin"
cp "$DOWNLOAD" "$UV_PYTHON_INSTALL_DIR/cpython-3.11.9/bin/python3"
"""


def test_a_downloaded_python_is_used_again(tmp_path: Path) -> None:
    uv = executable(tmp_path / "uv", UV_THAT_DOWNLOADS)
    environ = {"PATH": "/usr/bin:/bin", "DOWNLOAD": str(python(tmp_path / "download", "3.11.9"))}
    folder = tmp_path / "pythons"

    first = download_interpreter(uv, (3, 10), (3, 12), folder, environ)
    again = download_interpreter(uv, (3, 10), (3, 12), folder, environ)

    assert first == again
    assert first.version == (3, 11, 9)
    calls = (tmp_path / "pythons.calls").read_text(encoding="utf-8")
    assert calls == "python install --no-bin --no-progress cpython>=3.10,<3.12\n"


UV_WITHOUT_NETWORK = """
cat >&2 <<'END'
error: Failed to install cpython-3.11.9-linux-x86_64-gnu
  cause: error sending request for url (https://host.example/python-build-standalone/releases/cpython-3.11.9.tar.gz)
  cause: dns error
END
exit 2
"""


def test_a_failed_download_names_both_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "candidates", lambda *_: [python(tmp_path / "python3", "3.12.1")])
    uv = executable(tmp_path / "uv", UV_WITHOUT_NETWORK)

    with pytest.raises(NoPythonError) as failure:
        obtain_interpreter((3, 10), (3, 12), uv, tmp_path / "pythons")
    text = str(failure.value)
    assert "found: 3.12.1" in text
    assert "apt install python3.11" in text
    assert "uv could not download one: its download cannot be reached" in text

    with pytest.raises(NoPythonError, match="--offline forbids to download one"):
        obtain_interpreter((3, 10), (3, 12), None, tmp_path / "pythons")


def test_an_installed_python_is_preferred_to_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = python(tmp_path / "python3", "3.10.1")
    monkeypatch.setattr(interpreters, "candidates", lambda *_: [here])

    assert obtain_interpreter((3, 10), (3, 12), tmp_path / "no-uv", tmp_path / "pythons").path == here


def test_versions_are_numbers() -> None:
    assert parse_version("3.11") == (3, 11)
    assert parse_version(" 3.11.7 ") == (3, 11, 7)
    for text in ("", "3.x", "three", "3.11.7.1"):
        with pytest.raises(NoPythonError, match="is not a version of Python"):
            parse_version(text)
