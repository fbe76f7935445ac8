"""Import a script's code, run it, and compute the digest of a script's content."""

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
from scriptgraph.errors import MACHINE_ERRNOS, DocumentError, ManifestError, StepFailed, UndeclaredError
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
    """An outcome: run a program, then call `postprocess(context)` if it succeeds."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = NOTHING
    cwd: Path | None = None


class Done(Immutable):
    """An outcome: the work is done, with these exports."""

    exports: Mapping[str, Value | Path] = NOTHING


class Skip(Immutable):
    """An outcome: there is nothing to do, for this reason."""

    reason: str
    exports: Mapping[str, Value | Path] = NOTHING


Outcome = Run | Done | Skip


class Download(Immutable):
    """A download of a step, as returned by its hook `downloads(context)` before the run.

    Attributes:
        name: the file's name, or a description.
        sources: URLs and paths in the order in which they are tried; empty if another program finds the file.
        size_bytes: the size in bytes; None if it is unknown.
        digests: the hashes, as "algorithm:hex".
        needed: whether the step fails without it.
    """

    name: str
    sources: tuple[str, ...] = ()
    size_bytes: int | None = None
    digests: tuple[str, ...] = ()
    needed: bool = True


class StepEstimate(Immutable):
    """The work of a step that may last, as returned by its hook `estimate(context)` before the run.

    Attributes:
        what: the work in words, such as "performance, at least 600 s".
        subject: the object of the work, such as a model on an engine.
        machine: the machine that it runs on, in words; "" for steps that any machine does alike.
        low_s, high_s: the bounds of the expected duration in seconds; None if it is unknown.
        basis: the source of the bounds, or what is unknown, such as "the speed of models that have not run here".
    """

    what: str
    subject: str = ""
    machine: str = ""
    low_s: float | None = None
    high_s: float | None = None
    basis: str = ""


def exports_as_values(exports: Mapping[str, Value | Path]) -> Values:
    """Convert a script's exports to environment values, as if read from a manifest.

    Raises:
        TypeError: a value has another type; the text names its key.
    """
    values: dict[str, Value] = {}
    for key, value in exports.items():
        parts = [_path_as_text(each) for each in value] if isinstance(value, list | tuple) else _path_as_text(value)
        try:
            values[key] = decode_value(parts)
        except TypeError as error:
            raise TypeError(f"{key}: {error}") from None
    return values


def _path_as_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


# The environment variable with the path of the file for a program's exports.
EXPORTS_VARIABLE = "CM_EXPORTS_FILE"
# The files to which programs of 2023 wrote their exports.
_FILES_OF_2023 = ("tmp-run-env.out", "tmp-run-state.json")


def run_step(step: Step, context: Context, entry: StepRecord) -> Values:
    """Run a step's code, and note it in the step's record.

    Returns:
        The step's exports: keys that it reads and passes on, then those of its code, which win.

    Raises:
        ScriptGraphError: the step failed, or exports a key that its manifest does not list.
    """
    try:
        outcome = _call(step, context)
    except OSError as error:
        if error.errno not in MACHINE_ERRNOS:
            raise
        place = error.filename or f"a file of {step.manifest.alias}"
        raise StepFailed(f"{place}: {error.strerror}; see to it and run again") from error
    finally:
        entry.commands = commands_of(context)
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
    return {**context.passed_through(allowed), **exports}


def commands_of(context: Context) -> list[dict[str, Any]]:
    """Return the programs that a step has run, for its record."""
    return [
        {"argv": list(each.argv), "exit_code": each.exit_code, "signal": each.signal,
         "start_ns": each.start_ns, "end_ns": each.end_ns}
        for each in context.commands
    ]  # fmt: skip


def _call(step: Step, context: Context) -> Done | Skip:
    module = load_customize(step.manifest)
    preprocess: Callable[[Context], Outcome] = getattr(module, "preprocess", lambda _context: Done())
    postprocess: Callable[[Context], Outcome] = getattr(module, "postprocess", lambda _context: Done())
    outcome, hook = preprocess(context), "preprocess"
    program = step.manifest.folder / PROGRAM_NAME
    if program.is_file() and isinstance(outcome, Run):
        raise StepFailed(f"{program}: conflicts with a preprocess that returns Run(...); keep one of the two")
    if program.is_file() and isinstance(outcome, Done):
        outcome = run_program(program, context, outcome)
        after = postprocess(context)
        if isinstance(after, Done):
            after = Done({**outcome.exports, **after.exports})
            if step.exports and not after.exports:
                keys = ", ".join(step.exports)
                context.warn(f"{program}: exported nothing of {keys}; write KEY=value to the file ${EXPORTS_VARIABLE}")
        outcome, hook = after, "postprocess"
    elif isinstance(outcome, Run):
        context.command(outcome.argv, env=outcome.env, cwd=outcome.cwd)
        outcome, hook = postprocess(context), "postprocess"
    if not isinstance(outcome, Done | Skip):
        place = step.manifest.folder / "customize.py"
        raise StepFailed(f"{place}: {hook} returned {outcome!r} instead of Done(...) or Skip(...)")
    return outcome


def run_program(program: Path, context: Context, before: Done) -> Done:
    """Run a step's `run.sh` with bash in the step's folder.

    Its environment has all declared keys that are set, and the exports of `preprocess`, as text. No value ever becomes
    part of a command.

    Raises:
        ScriptGraphError: the program failed, or its exports cannot be read.
    """
    file = context.folders.log.parent / f"{context.folders.log.stem}.exports"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("", encoding="utf-8")
    try:
        values = {**context.declared_texts(), **{key: str(value) for key, value in before.exports.items()}}
        if broken := [key for key, value in values.items() if "\0" in value]:
            raise StepFailed(
                f"{broken[0]}: contains a NUL byte, which environment variables cannot; give another value"
            )
        context.command(["bash", str(program)], env={**values, EXPORTS_VARIABLE: str(file)})
        for old in _FILES_OF_2023:
            if (context.output / old).is_file():
                raise StepFailed(f"{program}: wrote {old}, which is not read; write KEY=value to ${EXPORTS_VARIABLE}")
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
# Two threads must not import one file twice, nor reset each other's `sys.dont_write_bytecode`.
_IMPORTING = Lock()


def forget_imports() -> None:
    """Forget imported scripts, so that a run sees their current code."""
    _import.cache_clear()


def load_customize(manifest: Manifest) -> ModuleType | None:
    """Import the script's code; None if it has none, or if it is foreign, which never runs in this process.

    Raises:
        StepFailed: the code cannot be imported.
    """
    if manifest.foreign is not None:
        return None
    path = manifest.folder / CUSTOMIZE_NAME
    return _import(path, manifest.uid) if path.is_file() else None


def hook_of(manifest: Manifest, name: str) -> Callable[..., Any] | None:
    """Return a function of the script's code, or None if it has none of that name."""
    hook: Callable[..., Any] | None = getattr(load_customize(manifest), name, None)
    return hook


def has_code(manifest: Manifest) -> bool:
    """Whether the script has code of its own, besides dependencies."""
    if manifest.foreign is not None:
        # Its dependencies may be asked for by its own engine only.
        return True
    return any((manifest.folder / name).is_file() for name in (CUSTOMIZE_NAME, PROGRAM_NAME))


@cache
def _import(path: Path, uid: str) -> ModuleType:
    name = f"scriptgraph_script_{uid}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StepFailed(f"{path}: cannot be imported; check the file")
    with _IMPORTING:
        module = module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look up their module there
        written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # never writes into the script's folder
        try:
            spec.loader.exec_module(module)
        except (ImportError, SyntaxError) as error:
            raise StepFailed(f"{path}: cannot be imported: {error}") from error
        finally:
            sys.dont_write_bytecode = written
    return module


def content_digest(manifest: Manifest, known: KnownDigests | None = None) -> str:
    """Compute the digest of the script's folder and of the modules that its manifest lists as `code`.

    Args:
        manifest: the script's manifest.
        known: digests of this run and earlier ones; None to read all files.

    Raises:
        ManifestError: a module does not exist.
    """
    known = known or KnownDigests()
    digest = sha256(known.of_folder(manifest.folder).encode())
    for name in manifest.code:
        spec = None
        with suppress(ImportError, ValueError):
            spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ManifestError(manifest.folder / MANIFEST_NAMES[0], "/code", f"no such module: {name!r}")
        origin = Path(spec.origin)
        code = known.of_folder(origin.parent) if spec.submodule_search_locations else known.of_file(origin)
        digest.update(code.encode())
    return digest.hexdigest()
