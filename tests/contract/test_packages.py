"""Who may import whom, and what one module alone does. The order of the packages: pyproject.toml, importlinter."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
MODULES = sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Name the top packages that a module imports, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_the_contracts_of_packages_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = pytest.importorskip("importlinter.cli", reason="checked with the extra lint")
    monkeypatch.chdir(ROOT)

    assert cli.lint_imports(config_filename="pyproject.toml", cache_dir=None) == 0


def test_one_module_starts_programs() -> None:
    using = [path for path in MODULES if "scriptgraph" in path.parts and "subprocess" in imports(path)]

    assert using == [SOURCE / "scriptgraph" / "process" / "programs.py"]


def test_one_module_locks_files() -> None:
    using = [path for path in MODULES if "fcntl" in imports(path)]

    assert using == [SOURCE / "scriptgraph" / "files" / "locks.py"]


def test_one_module_makes_cminds_dictionary() -> None:
    making = [path for path in (SOURCE / "scriptgraph").rglob("*.py") if '"return":' in path.read_text()]

    assert making == [SOURCE / "scriptgraph" / "cli" / "bridge.py"]


def test_one_module_imports_loadgen() -> None:
    using = [path for path in MODULES if "mlperf_loadgen" in path.read_text(encoding="utf-8")]

    assert using == [SOURCE / "mlperf_home" / "harness" / "loadgen.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_name_says_something(path: Path) -> None:
    assert not {"utils", "helpers", "manager", "misc", "common", "info", "data"} & set(path.with_suffix("").parts[-2:])


def test_an_exploration_starts_without_numpy() -> None:
    words = "import sys; sys.modules['numpy'] = None; from mlperf_home.steps.exploring import explore, options"

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
