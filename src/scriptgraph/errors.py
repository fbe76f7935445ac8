"""The exception tree: fields first, one line of text in `__str__`.

Every error that a user can cause or meet is a `ScriptGraphError`; anything else that
escapes is a defect of ours and may show its traceback.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


# What the machine refuses is no defect of the program, so it is told without a traceback; nor is a file of the user's
# where a folder of ours has to be.
OF_THE_MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EMFILE,
        errno.ENOTDIR,
        errno.ENOLCK,
    }
)
# Of many things of one kind, so many are told.
_TOLD = 3


def nearest(word: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Give the known words that look most like `word`, best first."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it, and each start would pay

    return tuple(get_close_matches(word, sorted(set(known)), n=count, cutoff=0.6))


def _suggestion(words: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(words)}?" if words else ""


def report_text(text: str, chain: Sequence[str], log: Path | None) -> str:
    """Return the text of an error with the way that led there, and the log."""
    way = f" [on the way: {' > '.join(chain)}]" if chain else ""
    return f"{text}{way}" + ("" if log is None else f" [log: {log}]")


class ScriptGraphError(Exception):
    """Base of all errors a user can cause or meet.

    Attributes:
        chain: the scripts that led here, outermost first; filled on the way up.
        log: the log that says more, where there is one.
        advice: what to do, where it is known apart from the text, which has it too.
    """

    chain: tuple[str, ...] = ()
    log: Path | None = None
    advice: str | None = None

    def within(self, alias: str) -> ScriptGraphError:
        """Note that the error arose below the script `alias`."""
        self.chain = (alias, *self.chain)
        return self

    def report(self) -> str:
        """Return the text for the user: the error, the way that led there, and the log."""
        return report_text(str(self), self.chain, self.log)


class DocumentError(ScriptGraphError):
    """A document cannot be read, or does not have the form that it should.

    Attributes:
        where: its file, or its origin in words.
        pointer: the JSON pointer to the value at fault; empty for the whole document.
        problem: the fault.
    """

    def __init__(self, where: object, pointer: str, problem: str) -> None:
        super().__init__(where, pointer, problem)
        self.where, self.pointer, self.problem = where, pointer, problem

    @property
    def fault(self) -> str:
        """The problem with its place in the document, for errors that name the document themselves."""
        return f"{self.pointer}: {self.problem}" if self.pointer else self.problem

    def __str__(self) -> str:
        place = f"#{self.pointer}" if self.pointer else ""
        return " ".join(f"{self.where}{place}: {self.problem}".split())


class ManifestError(ScriptGraphError):
    """A manifest cannot be read or means nothing."""

    def __init__(self, path: Path, pointer: str, problem: str) -> None:
        super().__init__(path, pointer, problem)
        self.path, self.pointer, self.problem = path, pointer, problem

    def __str__(self) -> str:
        return f"{self.path}#{self.pointer}: {self.problem}"


class RequestError(ScriptGraphError):
    """What the user typed cannot be understood."""


class UnknownOptionError(RequestError):
    """A script has no such option.

    Attributes:
        known: every option that may have been meant: the script's, and its command's once that is known.
    """

    def __init__(self, alias: str, name: str, known: frozenset[str]) -> None:
        super().__init__(alias, name, known)
        self.alias, self.name, self.known = alias, name, known
        self._advice = f"`cm run script --tags={alias} --help` lists its options" if known else ""

    def __str__(self) -> str:
        close = nearest(self.name, self.known, 1)
        hint = f"did you mean --{close[0]}?" if close else ""
        advice = " ".join(filter(None, (hint, self._advice))) or "it has none"
        return f"{self.alias} has no option --{self.name}; {advice}"


class NoScriptError(ScriptGraphError):
    """No script has all the tags of a query.

    Attributes:
        broken: what is wrong with manifests whose tags cannot be read: one of them may be what was meant.
    """

    def __init__(
        self,
        query: str,
        unknown: Sequence[str],
        closest: Sequence[str],
        hints: Sequence[str],
        broken: Sequence[str] = (),
    ) -> None:
        super().__init__(query, unknown, closest, hints, broken)
        self.query, self.unknown, self.closest, self.hints = query, unknown, closest, hints
        self.broken = broken

    def __str__(self) -> str:
        if not any(not word.startswith(("_", "-")) for word in self.query.split(",") if word):
            said = "names no tag that the script must have"
        elif self.unknown:
            said = f"no script has the tag {', '.join(repr(tag) for tag in self.unknown)}"
        else:
            said = "each tag is known, but no one script has them all"
        near = f" Closest scripts: {'; '.join(self.closest)}." if self.closest else ""
        broken = ""
        if self.broken:
            more = f", and {len(self.broken) - _TOLD} more" if len(self.broken) > _TOLD else ""
            broken = f" Not looked at, being broken: {'; '.join(self.broken[:_TOLD])}{more}."
        return f"--tags={self.query}: {said}.{_suggestion(self.hints)}{near}{broken}"


class AmbiguousScriptError(ScriptGraphError):
    """Several scripts fit a query equally well."""

    def __init__(self, query: str, matches: Sequence[str]) -> None:
        super().__init__(query, matches)
        self.query, self.matches = query, matches

    def __str__(self) -> str:
        return (
            f"--tags={self.query}: fits {len(self.matches)} scripts ({', '.join(self.matches)});"
            " add a tag that only one of them has"
        )


class VariationError(ScriptGraphError):
    """A variation is unknown, or clashes with another."""

    def __init__(self, alias: str, problem: str, valid: Sequence[str] = (), hints: Sequence[str] = ()) -> None:
        super().__init__(alias, problem, valid, hints)
        self.alias, self.problem, self.valid, self.hints = alias, problem, valid, hints

    def __str__(self) -> str:
        valid = f" Valid: {', '.join('_' + name for name in self.valid)}." if self.valid else ""
        return f"{self.alias}: {self.problem}.{_suggestion(self.hints)}{valid}"


class VersionError(ScriptGraphError):
    """No version of a script fits what is asked for."""


class CycleError(ScriptGraphError):
    """A script needs itself."""

    def __init__(self, aliases: Sequence[str]) -> None:
        super().__init__(aliases)
        self.aliases = aliases

    def __str__(self) -> str:
        return f"scripts need each other in a circle: {' > '.join(self.aliases)}; remove one of these dependencies"


class UndeclaredError(ScriptGraphError):
    """A script reads or exports something that its manifest does not declare."""


class StepFailed(ScriptGraphError):  # noqa: N818 - it reads as the event it is
    """A step could not do its work; the text comes from the step."""


class CacheError(ScriptGraphError):
    """The cache cannot be used."""
