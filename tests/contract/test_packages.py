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
# What runs in a process of its own for each foreign script, in the words of 2023.
FOREIGN = SOURCE / "scriptgraph" / "compat" / "child"


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
    modules = [path for path in MODULES if "scriptgraph" in path.parts and FOREIGN not in path.parents]
    using = [path for path in modules if "subprocess" in imports(path)]

    assert using == [SOURCE / "scriptgraph" / "process" / "programs.py"]


def test_one_module_locks_files() -> None:
    using = [path for path in MODULES if "fcntl" in imports(path)]

    # A measured machine has none of our packages when the first of these runs.
    on_machines = SOURCE / "mlperf_home" / "fleet" / "machine_side" / "locks.py"
    assert sorted(using) == [on_machines, SOURCE / "scriptgraph" / "files" / "locks.py"]


def test_one_module_makes_cminds_dictionary() -> None:
    modules = [path for path in (SOURCE / "scriptgraph").rglob("*.py") if FOREIGN not in path.parents]
    making = [path for path in modules if '"return":' in path.read_text()]

    assert making == [SOURCE / "scriptgraph" / "cli" / "bridge.py"]


# Modules with a JSON reader of their own, and the reason.
OWN_READERS = {
    "scriptgraph/files/json_reader.py": "reads JSON for all others, with limits",
    "mlperf_home/fleet/machine_side/__main__.py": "numbers from our own command line, with the standard library alone",
    "mlperf_home/fleet/machine_side/outputs.py": "the answer of our own command, with the standard library alone",
    "mlperf_home/fleet/machine_side/runner.py": "our own request, with the standard library alone",
    "mlperf_home/fleet/machine_side/waiting.py": "our own runner's result, with the standard library alone",
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
    modules = [path for path in (*MODULES, *scripts) if FOREIGN not in path.parents]
    reading = {path for path in modules if any(name.startswith("json.") for name in parsers(path))}

    assert reading == {SOURCE / name for name in OWN_READERS}


def test_one_module_reads_yaml() -> None:
    reading = [path for path in MODULES if any(name.startswith("yaml.") for name in parsers(path))]

    assert reading == [SOURCE / "scriptgraph" / "manifest" / "yaml_text.py"]


# The packages and functions that parse what other programs have written.
PARSING_PACKAGES = {
    *("bz2", "configparser", "csv", "cv2", "gzip", "lzma", "marshal", "mmap", "onnx", "pickle", "sqlite3", "struct"),
    *("tarfile", "tokenize", "tomllib", "xml", "zipfile"),
}
PARSING_CALLS = {"np.load", "np.frombuffer", "np.fromfile", "bytes.fromhex", "ast.parse"}
# Modules that parse without the boundary, and the reason.
WITHOUT_BOUNDARY = {
    "mlperf_home/accuracy/imagenet.py": "the payload's size is checked before it is taken as a number",
    "mlperf_home/accuracy/squad.py": "the payload's size is checked before it is taken as numbers",
    "mlperf_home/challenges/verification/packing.py": "the verification of bundles has its own boundary",
    "mlperf_home/datasets/imagenet/preprocessing.py": "images are decoded in pixels.py",
    "mlperf_home/engines/onnx/fixed_shape.py": "its own copies; one that cannot be read is written again",
    "mlperf_home/fleet/machine_side/environment.py": "a wheel whose hash was checked",
    "mlperf_home/fleet/machine_side/outputs.py": "only writes an archive",
    "mlperf_home/harness/queries/stream.py": "messages between our own processes",
    "mlperf_home/leaderboard/answer/export.py": "only writes CSV",
    "mlperf_home/leaderboard/judge/answers.py": "sketches that the collector made of verified answers",
    "mlperf_home/leaderboard/store/database.py": "every fault of the database is an error of the board",
    "mlperf_home/measurements/storage/index.py": "a database whose digest differs is not opened",
    "mlperf_home/loadgen_logs/answer_writer.py": "only writes answers",
    "mlperf_home/pictures/__main__.py": "only writes CSV",
    "mlperf_home/quantising/quantise.py": "the model is read by engines/onnx/graph.py",
    "mlperf_home/results/export.py": "only writes CSV",
    "mlperf_home/samples/images/image_files.py": "only writes images",
    "mlperf_home/submission/delivery.py": "only writes an archive",
    "scriptgraph/catalog/index.py": "a file whose checksum differs is made again",
    "scriptgraph/cli/lists/audit.py": "reports Python that cannot be parsed as a finding",
    "scriptgraph/cli/key_sources.py": "Python that cannot be parsed needs no keys; the audit reports it",
    "scriptgraph/fetch/zip_members.py": "its callers, archive_readers.py and archive_members.py, have the boundary",
    "scriptgraph/files/stamps.py": "packs numbers of the kernel",
    "scriptgraph/files/zip_writer.py": "only writes archives",
    "scriptgraph/python_env/uv.py": "a file that pip cannot read is ignored, as pip reports it",
}


def parses(path: Path) -> bool:
    """Whether a module parses bytes or text in a form that others write."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return bool(imports(path) & PARSING_PACKAGES or called & PARSING_CALLS)


def bounded(path: Path) -> bool:
    """Whether a module has a `with parsing(...)` or `with parser_faults(...)`, which is the same with one message."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    items = (item.context_expr for node in nodes if isinstance(node, ast.With) for item in node.items)
    return any(isinstance(each, ast.Call) and ast.unparse(each.func) in {"parsing", "parser_faults"} for each in items)


def test_parsers_are_behind_the_boundary_or_have_a_reason() -> None:
    field = [path for path in MODULES if "testing" not in path.parts and FOREIGN not in path.parents and parses(path)]
    bare = {str(path.relative_to(SOURCE)) for path in field if not bounded(path)}

    assert bare == set(WITHOUT_BOUNDARY)


def test_one_module_imports_loadgen() -> None:
    using = [path for path in MODULES if "mlperf_loadgen" in path.read_text(encoding="utf-8")]

    assert using == [SOURCE / "mlperf_home" / "harness" / "loadgen.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_name_says_something(path: Path) -> None:
    assert not {"utils", "helpers", "manager", "misc", "common", "info", "data"} & set(path.with_suffix("").parts[-2:])


def test_an_exploration_starts_without_numpy() -> None:
    program = "import sys; sys.modules['numpy'] = None; from mlperf_home.steps.exploring import explore, options"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
