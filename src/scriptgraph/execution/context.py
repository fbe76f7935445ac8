"""What the author of a script sees: a context to read from, outcomes to return."""

from __future__ import annotations

import os
from contextlib import contextmanager
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import StepFailed, UndeclaredError
from scriptgraph.execution.failures import read_failures
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING, matches_any
from scriptgraph.planning.conditions import same
from scriptgraph.planning.environment import Environment, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from scriptgraph.execution.failures import DependencyFailure
    from scriptgraph.manifest.types import Manifest, Value, Values
    from scriptgraph.process.outcome import Completed

# Where our own interpreter looks for modules is nothing to the programs that we start.
_NOT_PASSED = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"})

# What file systems take, with room for the endings that unfinished files have.
_LONGEST_NAME_BYTES = 200


class Folders(Immutable):
    """Where a step may write.

    Attributes:
        output: the step's own folder; of a cached step it becomes the entry's content.
        partial: unfinished downloads, kept from one try to the next.
        state: what is kept between runs outside the cache (results, targets, recorded hashes).
        log: the step's log.
        record: the record of the run that the step belongs to.
    """

    output: Path
    partial: Path
    state: Path
    log: Path
    record: Path

    @property
    def brought(self) -> Path:
        """Where the user puts files that cannot be downloaded here, by their names."""
        return self.state.parent / "downloads"


class Switches(Immutable):
    """Options that every script understands."""

    quiet: bool = False
    verbose: bool = False
    offline: bool = False
    mirrors: Mapping[str, str] = NOTHING
    command_line: tuple[str, ...] = ()


class Context:
    """A step's view of its surroundings: only what its manifest declares can be read."""

    def __init__(
        self,
        manifest: Manifest,
        env: Environment,
        folders: Folders,
        switches: Switches,
        announce: Callable[[str, Mapping[str, Any]], None],
        also_reads: Iterable[str] = (),
    ) -> None:
        self.manifest, self.folders, self.switches = manifest, folders, switches
        self.commands: list[Completed] = []
        self._env, self._announce = env, announce
        self._reads = manifest.reads | set(also_reads)

    @property
    def command_line(self) -> tuple[str, ...]:
        """The words that the user typed, for what is told about a result."""
        return self.switches.command_line

    @property
    def record(self) -> Path:
        """The record of this run."""
        return self.folders.record

    @property
    def output(self) -> Path:
        """The step's own folder."""
        return self.folders.output

    def value(self, key: str) -> Value:
        """Read a key of the environment; None where it is not set.

        Raises:
            UndeclaredError: the manifest does not declare that the script reads it.
        """
        if key not in self._reads:
            raise UndeclaredError(
                f"{self.manifest.alias} reads {key}, which its manifest does not declare; add it to env_keys"
            )
        return self._env.get(key)

    def passed(self, allowed: tuple[str, ...]) -> Values:
        """Return what the script reads and also lets out: it leaves as it came unless the script changes it."""
        reads = self.manifest.reads
        return {key: value for key, value in self._env.items() if key in reads and matches_any(key, allowed)}

    def declared(self) -> dict[str, str]:
        """Return every key that the script declares and that is set, as text; lists as PATH has them, by colons."""
        return {
            key: ":".join(value) if isinstance(value, tuple) else as_text(value)
            for key, value in self._env.items()
            if key in self._reads and value is not None
        }

    def text(self, key: str, default: str | None = None) -> str:
        """Read a key as text.

        Raises:
            StepFailed: it is not set and there is no default.
        """
        value = self.value(key)
        if value is not None and value != "":
            return as_text(value)
        if default is None:
            raise StepFailed(f"{self.manifest.alias} needs {self._spelling(key)}, which is not set")
        return default

    def flag(self, key: str) -> bool:
        """Read a key as yes or no; no where it is not set."""
        value = self.value(key)
        for answer in (True, False):
            if same(value, answer):
                return answer
        raise StepFailed(f"{self._spelling(key)}={as_text(value)}: must be yes or no")

    def number(self, key: str) -> float | None:
        """Read a key as a number; None where it is not set.

        Raises:
            StepFailed: it is something else.
        """
        text = self.text(key, "")
        try:
            number = float(text or "0")
        except ValueError:
            number = nan
        if not isfinite(number):
            raise StepFailed(f"{self._spelling(key)}={text}: must be a number")
        return number if text else None

    def whole(self, key: str) -> int | None:
        """Read a key as a whole number; None where it is not set."""
        value = self.number(key)
        if value is not None and value != int(value):
            raise StepFailed(f"{self._spelling(key)}={as_text(self.value(key))}: must be a whole number")
        return None if value is None else int(value)

    def path(self, key: str) -> Path | None:
        """Read a key as a path, `~` expanded; None where it is not set."""
        text = self.text(key, "")
        try:
            return Path(text).expanduser().absolute() if text else None
        except RuntimeError:
            raise StepFailed(f"{self._spelling(key)}={text}: there is no such user") from None

    def name(self, key: str, default: str | None = None) -> str:
        """Read a key as the name of a file or folder: one part of a path, which cannot lead out of its folder.

        Raises:
            StepFailed: it is not set and there is no default, or it is no plain name.
        """
        name = self.text(key, default)
        if name and not is_plain_name(name):
            raise StepFailed(f"{self._spelling(key)}={name[:80]!r}: must be a plain name, without folders")
        return name

    def existing(self, key: str) -> Path:
        """Read a key as the path of something that is there.

        Raises:
            StepFailed: it is not set, or nothing is there.
        """
        path = self.path(key)
        if path is None:
            raise StepFailed(f"{self.manifest.alias} needs {self._spelling(key)}, which is not set")
        if not path.exists():
            where = f"{self._spelling(key)}={path}"
            raise StepFailed(f"{where}: nothing is there; give the path of an existing file or folder")
        return path

    def failures(self, key: str) -> tuple[DependencyFailure, ...]:
        """Read the key that dependencies name by `may_fail`: those that failed, in their order.

        Raises:
            DocumentError: it holds something else.
        """
        return read_failures(self.text(key, ""), self._spelling(key))

    def say(self, message: str) -> None:
        """Tell the user something worth a line."""
        self._announce("said", {"message": message})

    def warn(self, message: str) -> None:
        """Tell the user something that they must see even with --quiet."""
        self._announce("warned", {"message": message})

    def table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """Show a result: rows of a label and a value."""
        self._announce("tabled", {"title": title, "rows": [list(row) for row in rows]})

    def progress(self, what: str, done: float, total: float | None) -> None:
        """Report how far something has come."""
        self._announce("progressed", {"what": what, "done": done, "total": total})

    def command(  # noqa: PLR0913 - all but the first are named where it is called
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        on_error_line: Callable[[str], None] | None = None,
        timeout_s: float | None = None,
        check: bool = True,
    ) -> Completed:
        """Run a program, its output in the step's log; recorded with the step.

        `on_line` gets each line of its standard output, `on_error_line` those of standard error.

        Raises:
            ProcessFailed: it could not be started, or ended badly and `check` is on.
        """
        from scriptgraph.process import programs as process  # noqa: PLC0415 - most steps of a run are cached or start no program

        completed = process.run(
            [str(part) for part in argv],
            env=program_environment(env or {}),
            cwd=cwd or self.folders.output,
            log=self.folders.log,
            on_line=on_line,
            on_error_line=on_error_line,
            timeout_s=timeout_s,
            echo=self.switches.verbose,
        )
        self.commands.append(completed)
        return completed.require_success() if check else completed

    def _spelling(self, key: str) -> str:
        """Name a key as the user gives it: the option, where there is one."""
        names = [name for name, option in self.manifest.inputs.items() if option.env_key == key]
        return f"--{names[0]} ({key})" if names else key


def is_plain_name(name: str) -> bool:
    """Whether a text names a file in a folder, and nothing outside of it; names that begin with a dot are ours."""
    short = len(os.fsencode(name)) <= _LONGEST_NAME_BYTES
    return short and name == name.strip() and name.isprintable() and "/" not in name and not name.startswith(".")


@contextmanager
def failing_on(*kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors of a library, whose text is written for users, into the step's failure."""
    try:
        yield
    except kinds as error:
        failed = StepFailed(str(error))
        failed.advice = getattr(error, "advice", None)
        raise failed from error


def program_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program that a step starts: the user's, and what the step adds."""
    kept = {key: value for key, value in os.environ.items() if key not in _NOT_PASSED and not key.startswith("CM_")}
    return {**kept, **extra}
