"""The contracts of packages (pyproject.toml, importlinter), and work that only one module may do."""

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
    """Return the top packages that a module imports, at its top or inside functions."""
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


# Modules with a JSON reader of their own, and the reason.
OWN_READERS = {
    "scriptgraph/files/json_reader.py": "reads JSON for all others, with limits",
    "mlperf_home/loadgen_logs/run_log.py": "reads millions of LoadGen's log lines, one by one",
    "mlperf_home/loadgen_logs/accuracy_log.py": "reads gigabytes of LoadGen's log, piece by piece",
    "mlperf_home/rules/rounds.py": "reads our own package data, and freezes it at once",
}


def parsers(path: Path) -> set[str]:
    """Return the functions that parse JSON or YAML and that a module uses."""
    names = {"json": {"load", "loads", "JSONDecoder"}, "yaml": {"load", "safe_load", "compose"}}
    used = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used |= {f"{node.value.id}.{node.attr}"} if node.attr in names.get(node.value.id, ()) else set()
        elif isinstance(node, ast.ImportFrom) and node.module in names:
            used |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name in names[node.module]}
    return used


def test_one_module_reads_json() -> None:
    scripts = [*(ROOT / "script").rglob("*.py"), *(ROOT / "cm-repo").rglob("*.py")]
    reading = {path for path in (*MODULES, *scripts) if any(name.startswith("json.") for name in parsers(path))}

    assert reading == {SOURCE / name for name in OWN_READERS}


def test_one_module_reads_yaml() -> None:
    reading = [path for path in MODULES if any(name.startswith("yaml.") for name in parsers(path))]

    assert reading == [SOURCE / "scriptgraph" / "manifest" / "yaml_text.py"]


def test_one_module_imports_loadgen() -> None:
    using = [path for path in MODULES if "mlperf_loadgen" in path.read_text(encoding="utf-8")]

    assert using == [SOURCE / "mlperf_home" / "harness" / "loadgen.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_name_says_something(path: Path) -> None:
    assert not {"utils", "helpers", "manager", "misc", "common", "info", "data"} & set(path.with_suffix("").parts[-2:])


def test_an_exploration_starts_without_numpy() -> None:
    program = "import sys; sys.modules['numpy'] = None; from mlperf_home.steps.exploring import explore, options"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
