"""Import a script's code and call it; what it hands back; what the script consists of, hashed."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.digests import KnownDigests
from scriptgraph.errors import OF_THE_MACHINE, DocumentError, ManifestError, StepFailed, UndeclaredError
from scriptgraph.files.json_reader import DOCUMENT, parse_json
from scriptgraph.files.sha256 import sha256
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.located_json import decode_value
from scriptgraph.manifest.text import MANIFEST_NAMES
from scriptgraph.manifest.types import NOTHING, matches_any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from scriptgraph.execution.context import Context
    from scriptgraph.execution.record import StepRecord
    from scriptgraph.manifest.types import Manifest, Value, Values
    from scriptgraph.planning.plan import Step


class Run(Immutable):
    """Run a program; `postprocess(context)` is called when it has ended well."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = NOTHING
    cwd: Path | None = None


class Done(Immutable):
    """The work is done; these values leave the script."""

    exports: Mapping[str, Value | Path] = NOTHING


class Skip(Immutable):
    """There is nothing to do, for this reason."""

    reason: str
    exports: Mapping[str, Value | Path] = NOTHING


Outcome = Run | Done | Skip


class Download(Immutable):
    """Something that a step would fetch, as its hook `downloads(context)` tells it before the run.

    Attributes:
        name: the file's name, or what it is.
        sources: URLs and paths, in the order in which they are tried; none where another program knows them.
        size_bytes: its length; None where it is not known.
        digests: its hashes, as "algorithm:hex".
        needed: whether the step fails without it.
    """

    name: str
    sources: tuple[str, ...] = ()
    size_bytes: int | None = None
    digests: tuple[str, ...] = ()
    needed: bool = True


def exports_as_values(exports: Mapping[str, Value | Path]) -> Values:
    """Turn what a script exports into values of the environment, as if they were read from a manifest.

    Raises:
        TypeError: a value is of another kind; the text names its key.
    """
    found: dict[str, Value] = {}
    for key, value in exports.items():
        parts = [_path_as_text(each) for each in value] if isinstance(value, list | tuple) else _path_as_text(value)
        try:
            found[key] = decode_value(parts)
        except TypeError as error:
            raise TypeError(f"{key}: {error}") from None
    return found


def _path_as_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


# A program writes what it exports into the file that this variable names.
EXPORTS_VARIABLE = "CM_EXPORTS_FILE"


def work(step: Step, context: Context, entry: StepRecord) -> Values:
    """Do a step's own work, and note it in its record.

    Returns:
        What leaves the step: what it reads and lets out, and over that what its code exports.

    Raises:
        ScriptGraphError: it failed, or exports what its manifest does not list.
    """
    try:
        outcome = _call(step, context)
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        what = error.filename or f"a file of {step.manifest.alias}"
        raise StepFailed(f"{what}: {error.strerror}; see to it and run again") from error
    finally:
        entry.commands = [
            {"argv": list(each.argv), "exit_code": each.exit_code, "signal": each.signal,
             "start_ns": each.start_ns, "end_ns": each.end_ns}
            for each in context.commands
        ]  # fmt: skip
    entry.status = "skipped" if isinstance(outcome, Skip) else "done"
    entry.reason = outcome.reason if isinstance(outcome, Skip) else None
    alias, allowed = step.manifest.alias, step.exports
    for key in outcome.exports:
        if not matches_any(key, allowed):
            raise UndeclaredError(f"{alias} exports {key}, which its manifest does not list; add it to new_env_keys")
    try:
        exports = exports_as_values(outcome.exports)
    except TypeError as error:
        raise StepFailed(f"{alias} exports {error}") from None
    return {**context.passed(allowed), **exports}


def _call(step: Step, context: Context) -> Done | Skip:
    module = load_customize(step.manifest)
    preprocess: Callable[[Context], Outcome] = getattr(module, "preprocess", lambda _context: Done())
    postprocess: Callable[[Context], Outcome] = getattr(module, "postprocess", lambda _context: Done())
    outcome, hook = preprocess(context), "preprocess"
    program = step.manifest.folder / PROGRAM_NAME
    if program.is_file() and isinstance(outcome, Run):
        raise StepFailed(f"{program}: stands beside a preprocess that returns Run(...); keep one of the two")
    if program.is_file() and isinstance(outcome, Done):
        outcome = run_program(program, context, outcome)
        after = postprocess(context)
        if isinstance(after, Done):
            after = Done({**outcome.exports, **after.exports})
        outcome, hook = after, "postprocess"
    elif isinstance(outcome, Run):
        context.command(outcome.argv, env=outcome.env, cwd=outcome.cwd)
        outcome, hook = postprocess(context), "postprocess"
    if not isinstance(outcome, Done | Skip):
        place = step.manifest.folder / "customize.py"
        raise StepFailed(f"{place}: {hook} returned {outcome!r} instead of Done(...) or Skip(...)")
    return outcome


def run_program(program: Path, context: Context, before: Done) -> Done:
    """Run a step's `run.sh` by bash in the step's folder.

    It sees every key that the manifest declares and that is set, and what `preprocess` exported, as text. No value ever
    becomes part of a command.

    Raises:
        ScriptGraphError: it failed, or what it exports cannot be read.
    """
    file = context.folders.log.parent / f"{context.folders.log.stem}.exports"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("", encoding="utf-8")
    try:
        values = {**context.declared(), **{key: str(value) for key, value in before.exports.items()}}
        if broken := [key for key, value in values.items() if "\0" in value]:
            raise StepFailed(f"{broken[0]}: holds a NUL byte, which no environment variable can; give another value")
        context.command(["bash", str(program)], env={**values, EXPORTS_VARIABLE: str(file)})
        return Done({**before.exports, **_exports(file, program)})
    finally:
        file.unlink(missing_ok=True)


def _exports(file: Path, program: Path) -> Mapping[str, Value]:
    where = f"{program}: what it wrote to ${EXPORTS_VARIABLE}"
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(DOCUMENT.size + 1)
        if text.lstrip().startswith("{") or len(text) > DOCUMENT.size:
            found: dict[str, Value] = parse_json(text, where, paths=True)
            return found
    except (OSError, UnicodeDecodeError) as error:
        raise StepFailed(f"{where} cannot be read ({error})") from error
    except DocumentError as error:
        raise StepFailed(f"{where} {error.problem}") from None
    exports: dict[str, Value] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line:
            match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", line)
            if match is None:
                problem = f"is not KEY=value: {line!r}; write JSON for values of several lines"
                raise StepFailed(f"{program}: line {number} of what it wrote to ${EXPORTS_VARIABLE} {problem}")
            exports[match[1]] = match[2]
    return exports


CUSTOMIZE_NAME, PROGRAM_NAME = "customize.py", "run.sh"
# Two threads must not make two modules of one file, nor undo each other's setting of the interpreter.
_IMPORTING = Lock()


def forget() -> None:
    """Forget what was read, so that a run sees scripts as they are now and not as an earlier run saw them."""
    _import.cache_clear()


def load_customize(manifest: Manifest) -> ModuleType | None:
    """Import the script's code; None for a script that only has dependencies.

    Raises:
        StepFailed: it cannot be imported.
    """
    path = manifest.folder / CUSTOMIZE_NAME
    return _import(path, manifest.uid) if path.is_file() else None


def hook_of(manifest: Manifest, name: str) -> Callable[..., Any] | None:
    """Return a function of the script's code; None where there is none of that name."""
    hook: Callable[..., Any] | None = getattr(load_customize(manifest), name, None)
    return hook


def has_code(manifest: Manifest) -> bool:
    """Return whether the script does something itself, besides what it depends on."""
    return any((manifest.folder / name).is_file() for name in (CUSTOMIZE_NAME, PROGRAM_NAME))


@cache
def _import(path: Path, uid: str) -> ModuleType:
    name = f"scriptgraph_script_{uid}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StepFailed(f"{path}: cannot be imported")
    with _IMPORTING:
        module = module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up there
        written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # the script's folder is not ours to write in
        try:
            spec.loader.exec_module(module)
        except (ImportError, SyntaxError) as error:
            raise StepFailed(f"{path}: cannot be imported: {error}") from error
        finally:
            sys.dont_write_bytecode = written
    return module


def content_digest(manifest: Manifest, known: KnownDigests | None = None) -> str:
    """Hash the script's folder and the modules that its manifest calls its code.

    Args:
        manifest: the script.
        known: digests of this run and of earlier ones; None to read everything.

    Raises:
        ManifestError: there is no such module.
    """
    known = known or KnownDigests()
    digest = sha256(known.of_folder(manifest.folder).encode())
    for name in manifest.code:
        spec = None
        with suppress(ImportError, ValueError):
            spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ManifestError(manifest.folder / MANIFEST_NAMES[0], "/code", f"there is no module {name!r}")
        origin = Path(spec.origin)
        code = known.of_folder(origin.parent) if spec.submodule_search_locations else known.of_file(origin)
        digest.update(code.encode())
    return digest.hexdigest()
