"""Who may import whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
# The layers of scriptgraph, from the table: a module imports from its own layer and those before it only.
ROW = re.compile(r"^\| (\d) \| (`[a-z_`, ]+`) \|", re.MULTILINE)
LAYER = {
    name: int(number)
    for number, names in ROW.findall((SOURCE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    for name in re.findall(r"[a-z_]+", names)
}
# What runs in the workload's environment, which has none of these.
WORKLOAD = ("harness", "backends", "datasets", "accuracy", "rules", "exploration", "studies")
FRONT_ONLY = {"scriptgraph", "rich", "requests", "cmind", "uv", "packaging"}


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Name all that a module imports, at its top or inside functions, type checking included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from scriptgraph import process` imports scriptgraph.process.
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names if "." not in node.module)}
    return found


def part(path: Path, package: str) -> str:
    return path.relative_to(SOURCE / package).parts[0].removesuffix(".py")


def layer(name: str) -> int:
    return LAYER[name]


@pytest.mark.parametrize("path", modules(SOURCE / "scriptgraph"), ids=lambda path: str(path.relative_to(SOURCE)))
def test_scriptgraph_imports_from_its_own_layer_and_those_before_it(path: Path) -> None:
    own = part(path, "scriptgraph")
    if own == "__init__":
        return
    for name in imports(path):
        assert not name.startswith("mlperf_home")
        if name.startswith("scriptgraph."):
            assert layer(name.split(".")[1]) <= layer(own), f"{own} imports {name}"


def test_one_module_starts_programs() -> None:
    using = {part(path, "scriptgraph") for path in modules(SOURCE / "scriptgraph") if "subprocess" in imports(path)}

    assert using == {"process"}


def test_one_module_makes_cminds_dictionary() -> None:
    making = {part(path, "scriptgraph") for path in modules(SOURCE / "scriptgraph") if '"return":' in path.read_text()}

    assert making == {"cm_bridge"}


@pytest.mark.parametrize("folder", WORKLOAD)
def test_what_runs_in_the_workloads_environment_needs_nothing_of_the_fronts(folder: str) -> None:
    for path in modules(SOURCE / "mlperf_home" / folder):
        roots = {name.partition(".")[0] for name in imports(path)}
        assert not roots & FRONT_ONLY, f"{path.relative_to(SOURCE)}: {roots & FRONT_ONLY}"


def test_one_module_imports_loadgen() -> None:
    using = [
        path.relative_to(SOURCE / "mlperf_home").as_posix()
        for path in modules(SOURCE / "mlperf_home")
        if "mlperf_loadgen" in path.read_text(encoding="utf-8")
    ]

    assert using == ["harness/loadgen.py"]


def test_results_is_the_hub_that_submission_and_exploration_read() -> None:
    for folder, others in (
        ("results", ("submission", "exploration", "harness", "backends")),
        ("submission", ("exploration", "harness", "backends")),
        ("exploration", ("submission", "harness", "backends")),
    ):
        for path in modules(SOURCE / "mlperf_home" / folder):
            wanted = {name for name in imports(path) if name.startswith(tuple(f"mlperf_home.{o}" for o in others))}
            assert not wanted, f"{path.relative_to(SOURCE)}: {wanted}"


@pytest.mark.parametrize("path", [*modules(SOURCE)], ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    assert not {"utils", "helpers", "manager", "misc", "common", "info", "data"} & set(path.with_suffix("").parts[-2:])


def test_the_front_needs_no_numpy_for_an_exploration() -> None:
    words = "import sys; sys.modules['numpy'] = None; import mlperf_home.runs.exploring, mlperf_home.runs.asked_space"

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_challenges_stand_on_the_rest_and_nothing_stands_on_them() -> None:
    for path in modules(SOURCE / "mlperf_home"):
        if part(path, "mlperf_home") != "challenges":
            wanted = {name for name in imports(path) if name.startswith("mlperf_home.challenges")}
            assert not wanted, f"{path.relative_to(SOURCE)}: {wanted}"
