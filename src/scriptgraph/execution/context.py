"""The context that a script's code gets: its environment, folders and messages."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import StepFailed, UndeclaredError
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.limits import is_plain_name
from scriptgraph.manifest.types import NOTHING, matches_any
from scriptgraph.planning.conditions import same
from scriptgraph.planning.environment import Environment, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from scriptgraph.execution.failures import DependencyFailure
    from scriptgraph.manifest.types import Manifest, Value, Values
    from scriptgraph.process.outcome import Completed

# Our interpreter's search path does not apply to the programs that steps start.
_NOT_PASSED = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"})


class Folders(Immutable):
    """The folders and files that a step may write.

    Attributes:
        output: the step's own folder; for a cached step it becomes the entry's content.
        partial: the folder of unfinished downloads, kept between attempts.
        state: the folder of results, targets and recorded hashes, kept between runs outside the cache.
        log: the step's log.
        record: the run's record.
    """

    output: Path
    partial: Path
    state: Path
    log: Path
    record: Path

    @property
    def user_downloads(self) -> Path:
        """The folder where users put files, by name, that cannot be downloaded on this machine."""
        return self.state.parent / "downloads"


class Switches(Immutable):
    """The options that apply to every script.

    Attributes:
        outputs: the folder for the outputs of a replay of a record from elsewhere; None for other runs.
        print_env: whether each step's values are printed before it runs.
    """

    quiet: bool = False
    verbose: bool = False
    offline: bool = False
    mirrors: Mapping[str, str] = NOTHING
    command_line: tuple[str, ...] = ()
    outputs: Path | None = None
    print_env: bool = False


class Context:
    """A step's interface to the run; only keys that its manifest declares can be read."""

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
        """The command as typed, to describe results."""
        return self.switches.command_line

    @property
    def record(self) -> Path:
        """The record of this run."""
        return self.folders.record

    @property
    def output(self) -> Path:
        """The step's own folder."""
        return self.folders.output

    @property
    def results_home(self) -> Path:
        """The folder for results, submissions and experiments without a folder of their own: usually the home folder.

        In a replay of a record from elsewhere it is the replay's folder, so that nothing of the home is changed.
        """
        return self.switches.outputs or self.folders.state.parent

    def value(self, key: str) -> Value:
        """Read an environment key; None if it is not set.

        Raises:
            UndeclaredError: the manifest does not declare that the script reads it.
        """
        if key not in self._reads:
            raise UndeclaredError(
                f"{self.manifest.alias} reads {key}, which its manifest does not declare; add it to env_keys"
            )
        return self._env.get(key)

    def passed_through(self, allowed: tuple[str, ...]) -> Values:
        """Return the values of keys that the script both reads and exports; they pass unless its code changes them."""
        reads = self.manifest.reads
        return {key: value for key, value in self._env.items() if key in reads and matches_any(key, allowed)}

    def declared_texts(self) -> dict[str, str]:
        """Return the values of all declared keys that are set, as text; lists are joined by colons, as in PATH."""
        return {
            key: ":".join(value) if isinstance(value, tuple) else as_text(value)
            for key, value in self._env.items()
            if key in self._reads and value is not None
        }

    def text(self, key: str, default: str | None = None) -> str:
        """Read a key as text.

        Raises:
            StepFailed: the key is not set, and there is no default.
        """
        value = self.value(key)
        if value is not None and value != "":
            return as_text(value)
        if default is None:
            raise StepFailed(f"{self.manifest.alias} needs {self._spelling(key)}, which is not set")
        return default

    def flag(self, key: str) -> bool:
        """Read a key as a boolean; False if it is not set.

        Raises:
            StepFailed: the value is neither yes nor no.
        """
        value = self.value(key)
        for answer in (True, False):
            if same(value, answer):
                return answer
        raise StepFailed(f"{self._spelling(key)}={as_text(value)}: must be yes or no")

    def number(self, key: str) -> float | None:
        """Read a key as a number; None if it is not set.

        Raises:
            StepFailed: the value is not a finite number.
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
        """Read a key as a whole number; None if it is not set.

        Raises:
            StepFailed: the value is not a whole number.
        """
        value = self.number(key)
        if value is not None and value != int(value):
            raise StepFailed(f"{self._spelling(key)}={as_text(self.value(key))}: must be a whole number")
        return None if value is None else int(value)

    def path(self, key: str) -> Path | None:
        """Read a key as an absolute path with `~` expanded; None if it is not set.

        Raises:
            StepFailed: there is no user of the name after `~`.
        """
        text = self.text(key, "")
        try:
            return Path(text).expanduser().absolute() if text else None
        except RuntimeError:
            raise StepFailed(f"{self._spelling(key)}={text}: there is no such user") from None

    def output_path(self, key: str, default: Path) -> Path:
        """Read a key as the path to write to; its manifest has to mark it as an output.

        In a replay of a record from elsewhere, a default outside the home folder is replaced by a path in the replay's
        folder: the record may have chosen the folder that the default lies in.

        Raises:
            StepFailed: there is no user of the name after `~`.
        """
        path, folder = self.path(key), self.switches.outputs
        if path is not None or folder is None:
            return path or default
        within = any(default.resolve().is_relative_to(each.resolve()) for each in (folder, self.folders.state.parent))
        return default if within else folder / default.name

    def name(self, key: str, default: str | None = None) -> str:
        """Read a key as the name of a file or folder, which cannot lead out of its parent.

        Raises:
            StepFailed: the key is not set and there is no default, or the value is not a plain name.
        """
        name = self.text(key, default)
        if name and not is_plain_name(name):
            raise StepFailed(f"{self._spelling(key)}={name[:80]!r}: must be a plain name without folders")
        return name

    def existing(self, key: str) -> Path:
        """Read a key as the path of an existing file or folder.

        Raises:
            StepFailed: the key is not set, or nothing exists at the path.
        """
        path = self.path(key)
        if path is None:
            raise StepFailed(f"{self.manifest.alias} needs {self._spelling(key)}, which is not set")
        if not path.exists():
            where = f"{self._spelling(key)}={path}"
            raise StepFailed(f"{where}: nothing is there; give the path of an existing file or folder")
        return path

    def failures(self, key: str) -> tuple[DependencyFailure, ...]:
        """Read the failures of dependencies from the key that their `may_fail` names, in their order.

        Raises:
            DocumentError: the value is not a list of failures.
        """
        from scriptgraph.execution.failures import read_failures  # noqa: PLC0415 - few steps have such dependencies

        return read_failures(self.text(key, ""), self._spelling(key))

    def say(self, message: str, lasts_s: float = 0.0) -> None:
        """Show a line to the user, and record it; `lasts_s` is how long nothing else will be shown, in seconds."""
        self._announce("said", {"message": message, "lasts_s": lasts_s})

    def note(self, message: str) -> None:
        """Record a line that is shown only with -v."""
        self._announce("noted", {"message": message})

    def summarise(self, message: str) -> None:
        """Show the step's result in a few words: on the line of its table row, if it is part of one."""
        self._announce("summed", {"message": message})

    def warn(self, message: str) -> None:
        """Show a warning to the user, even with --quiet."""
        self._announce("warned", {"message": message})

    def table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """Show a table of labels and values."""
        self._announce("tabled", {"title": title, "rows": [list(row) for row in rows]})

    def suggest(self, commands: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Show commands to run next, each with its purpose, at the end; those of the last step that has some count."""
        steps = [{"purpose": purpose, "command": shlex.join(words)} for purpose, words in commands]
        self._announce("suggested", {"commands": steps})

    def progress(self, what: str, done: float, total: float | None) -> None:
        """Report progress of `what` as done out of total, in any unit; None for an unknown total."""
        self._announce("progressed", {"what": what, "done": done, "total": total})

    def command(  # noqa: PLR0913 - all but the first are keyword arguments
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        on_error_line: Callable[[str], None] | None = None,
        timeout_s: float | None = None,
        check: bool = True,
        serve: Callable[[str], str] | None = None,
    ) -> Completed:
        """Run a program, with its output in the step's log, and note it in the step's record.

        `on_line` is called with each line of standard output, `on_error_line` with those of standard error, and `serve`
        with each request that a program makes of this run, see `scriptgraph.process.requests`.

        Raises:
            ProcessFailed: the program could not be started, or `check` is set and it failed.
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
            echo=self._echo if self.switches.verbose else None,
            serve=serve,
        )
        self.commands.append(completed)
        return completed.require_success() if check else completed

    def _echo(self, line: str) -> None:
        """Show a line of a program's output as it is."""
        self._announce("printed", {"message": line})

    def _spelling(self, key: str) -> str:
        """Return a key with the option that sets it, if there is one, for messages."""
        names = [name for name, option in self.manifest.inputs.items() if option.env_key == key]
        return f"--{names[0]} ({key})" if names else key


@contextmanager
def failing_on(*kinds: type[Exception]) -> Iterator[None]:
    """Convert exceptions of these kinds to StepFailed, with their text and advice."""
    try:
        yield
    except kinds as error:
        failed = StepFailed(str(error))
        failed.advice = getattr(error, "advice", None)
        raise failed from error


def program_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return a program's environment: the user's without CM_ keys and Python's search path, and `extra`."""
    kept = {key: value for key, value in os.environ.items() if key not in _NOT_PASSED and not key.startswith("CM_")}
    return {**kept, **extra}
