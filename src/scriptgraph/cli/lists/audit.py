"""Audit the scripts of a repository: report every problem with its place and remedy."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from scriptgraph.catalog.registry import load_registry
from scriptgraph.cli.key_sources import source_faults
from scriptgraph.cli.lists.audit_roles import role_faults
from scriptgraph.errors import ScriptGraphError, report_line
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.limits import problem_of
from scriptgraph.manifest.queries import parse_query
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.plan import Request
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Input, Manifest

HOOKS = {
    "preprocess": "Outcome",
    "postprocess": "Outcome",
    "verify": "bool",
    "fingerprint": "str",
    "downloads": "list",
    "estimate": "StepEstimate",
}
# The fields of a manifest that promise a hook.
_FIELD_HOOKS = {"downloads": "downloads", "estimates": "estimate"}
_UID = re.compile(r"[0-9a-f]{16}")
_KEY = re.compile(r"CM_[A-Z0-9_]+")
_SOME_TEXT, _SOME_NUMBER = "x", "100"
_BANNED_NAMES = frozenset({"eval", "exec", "compile", "input", "__import__"})
_FETCH = "scriptgraph.fetch, or a dependency on download,file"
_BANNED_MODULES = {
    **dict.fromkeys(("subprocess", "os.system", "os.popen"), "context.command"),
    "shlex": "a list of arguments",
    "pickle": "JSON",
    **dict.fromkeys(("requests", "urllib.request", "http.client"), _FETCH),
}


class AuditFinding(Immutable):
    """A problem of a script: the file, the place in it (a JSON pointer or a line), the problem with its remedy."""

    path: Path
    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}{self.place}: {self.problem}"


def audit(roots: Sequence[Path], own: Iterable[Path] = ()) -> list[AuditFinding]:
    """Audit the scripts of the repositories at `roots`, which may depend on scripts of those at `own`."""
    registry = load_registry([*roots, *own])
    folders = {root.resolve() for root in roots}
    errors = [error for error in registry.problems() if error.path.parents[2].resolve() in folders]
    findings = [AuditFinding(error.path, f"#{error.pointer}", error.problem) for error in errors]
    uids, folders_of = Counter(each.uid for each in registry), defaultdict[str, list["Path"]](list)
    for each in registry:
        folders_of[each.alias].append(each.folder)
    for manifest in registry:
        if manifest.folder.parents[1].resolve() in folders:
            findings += [
                *_check_identity(manifest, uids, folders_of[manifest.alias]),
                *_check_parts(manifest, registry),
                *_check_code(manifest),
            ]
            faults = [*role_faults(manifest, registry, _parsed(manifest)), *source_faults(manifest, registry)]
            findings += [_at(manifest, pointer, problem) for pointer, problem in faults]
    return findings


def _at(manifest: Manifest, pointer: str, problem: str) -> AuditFinding:
    name = "_cm.json" if (manifest.folder / "_cm.json").is_file() else "_cm.yaml"
    return AuditFinding(manifest.folder / name, f"#{pointer}", problem)


def _check_identity(manifest: Manifest, uids: Counter[str], folders: Iterable[Path]) -> Iterator[AuditFinding]:
    for folder in folders:
        if folder != manifest.folder:
            yield _at(manifest, "/alias", f"{manifest.alias!r} is already used by {folder}; rename one")
    if manifest.alias != manifest.folder.name:
        yield _at(manifest, "/alias", f"is {manifest.alias!r}, but the folder is {manifest.folder.name!r}; rename one")
    if not _UID.fullmatch(manifest.uid):
        yield _at(manifest, "/uid", f"{manifest.uid!r} is not 16 hexadecimal digits")
    elif uids[manifest.uid] > 1:
        yield _at(manifest, "/uid", f"{manifest.uid} is also the uid of another script; choose another")
    if not manifest.name:
        yield _at(manifest, "/name", "is missing; describe the script in one line")
    for name, option in manifest.inputs.items():
        if not option.description:
            yield _at(manifest, f"/inputs/{name}", "has no desc; describe the option")
        yield from _check_limits(manifest, option)
        if option.needs and option.needs not in manifest.inputs:
            yield _at(manifest, f"/inputs/{name}/needs", f"{option.needs} is not an option of this script; name one")


def _check_limits(manifest: Manifest, option: Input) -> Iterator[AuditFinding]:
    low = option.above if option.minimum is None else option.minimum
    high = option.below if option.maximum is None else option.maximum
    if option.kind in {"number", "numbers"} and None in {low, high}:
        problem = "states no range; add minimum or above, and maximum or below"
        yield _at(manifest, f"/inputs/{option.name}", problem)
    if option.default not in {None, ""} and (problem := problem_of(option, as_text(option.default))):
        yield _at(manifest, f"/inputs/{option.name}/default", problem)


def _check_parts(manifest: Manifest, registry: Registry) -> Iterator[AuditFinding]:
    blocks = [("/deps", manifest.deps), ("/post_deps", manifest.post_deps)]
    for name, variation in manifest.variations.items():
        blocks += [(f"/variations/{name}/deps", variation.deps), (f"/variations/{name}/post_deps", variation.post_deps)]
    blocks += [(f"/versions/{name}/deps", entry.deps) for name, entry in manifest.versions.items()]
    for pointer, dependencies in blocks:
        for number, dependency in enumerate(dependencies):
            if problem := _error_of(dependency.tags, lambda query: registry.select(query, manifest.repository)):
                yield _at(manifest, f"{pointer}/{number}", problem)
    groups = Counter(each.group for each in manifest.variations.values() if each.group and each.default)
    for group, count in groups.items():
        if count > 1:
            yield _at(manifest, "/variations", f"the group {group!r} has {count} defaults; keep one")
    for name, variation in manifest.variations.items():
        if not variation.description and not variation.alias and "," not in name:
            yield _at(manifest, f"/variations/{name}", "has no description; describe what it changes")
        words = ",".join((manifest.alias, *(f"_{part}" for part in name.split(","))))
        if problem := _error_of(words, lambda query: resolve(Request(query, near=manifest.repository), registry)):
            yield _at(manifest, f"/variations/{name}", f"cannot be resolved: {problem}")


def _error_of(words: str, call: Callable[[Query], object]) -> str:
    """Return the text of the error that a call with a query raises; "" if it raises none.

    A variation that takes a value (`name.#`) may take a text or a number.
    """
    try:
        call(parse_query(words.replace("#", _SOME_TEXT)))
    except ScriptGraphError as error:
        if "#" in words and not _error_of(words.replace("#", _SOME_NUMBER), call):
            return ""
        return report_line(str(error), error.chain, error.log)
    return ""


def _check_code(manifest: Manifest) -> Iterator[AuditFinding]:
    path = manifest.folder / "customize.py"
    if not path.is_file():
        for field, hook in _FIELD_HOOKS.items():
            if getattr(manifest, field):
                yield _at(manifest, f"/{field}", f"is true, but there is no customize.py; add one with {hook}(context)")
        return
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError, RecursionError, MemoryError) as error:
        yield AuditFinding(path, f":{getattr(error, 'lineno', None) or 1}", f"is not valid Python: {error}")
        return
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    for function in (functions[name] for name in HOOKS if name in functions):
        annotations = [ast.unparse(each.annotation) if each.annotation else "" for each in function.args.args]
        if annotations != ["Context"] or not function.returns:
            signature = f"def {function.name}(context: Context) -> {HOOKS[function.name]}"
            yield AuditFinding(path, f":{function.lineno}", f"the hook {function.name} is not typed; write {signature}")
    for field, hook in _FIELD_HOOKS.items():
        if getattr(manifest, field) and hook not in functions:
            yield _at(manifest, f"/{field}", f"is true, but customize.py has no hook {hook}(context); add it")
    yield from _banned(path, tree)
    yield from _exports(manifest, path, tree)


def _parsed(manifest: Manifest) -> ast.Module | None:
    """Return the syntax tree of a script's code; None without code, or for code that `_check_code` refuses."""
    try:
        return ast.parse((manifest.folder / "customize.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None


def _banned(path: Path, tree: ast.Module) -> Iterator[AuditFinding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BANNED_NAMES:
            yield AuditFinding(path, f":{node.lineno}", f"calls {node.func.id}; scripts must not, so remove the call")
        used: set[str] = set()
        if isinstance(node, ast.Import):
            used = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            used = {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            used = {ast.unparse(node)}
        for module, instead in _BANNED_MODULES.items():
            if module in used:
                yield AuditFinding(path, f":{getattr(node, 'lineno', 1)}", f"uses {module}; use {instead}")
        if isinstance(node, ast.keyword) and node.arg == "shell":
            yield AuditFinding(path, f":{node.value.lineno}", "starts a shell; pass a list of arguments")


def _exports(manifest: Manifest, path: Path, tree: ast.Module) -> Iterator[AuditFinding]:
    allowed = (*manifest.exports, *(key for each in manifest.variations.values() for key in each.exports))
    for node in (each for each in ast.walk(tree) if isinstance(each, ast.Dict)):
        names = [key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        for name in filter(_KEY.fullmatch, names):
            if not matches_any(name, allowed) and name not in manifest.reads:
                yield AuditFinding(
                    path, f":{node.lineno}", f"exports {name}, which new_env_keys does not list; add it there"
                )
