"""The exception tree: fields first, one line of text in `__str__`.

Every error that a user can cause or meet is a `ScriptGraphError`. Any other exception that escapes is a defect of the
engine and may show its traceback.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from scriptgraph.printable import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


# The machine's refusals are reported without a traceback: they are no defect of the program. ENOTDIR is among them,
# for a user's file in the place of a folder.
MACHINE_ERRNOS = frozenset(
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
# The most broken manifests that a message lists.
_MOST_LISTED = 3


def nearest(word: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Return the known words most similar to `word`, best first."""
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it, and each start would pay for it

    return tuple(get_close_matches(word, sorted(set(known)), n=count, cutoff=0.6))


def _suggestion(words: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(words)}?" if words else ""


def report_line(text: str, chain: Sequence[str], log: Path | None) -> str:
    """Return an error's text with its chain of steps and its log on one line, for a sentence or a table."""
    details = _details(chain, log)
    return f"{text} ({'; '.join(details)})" if details else text


def _details(chain: Sequence[str], log: Path | None) -> list[str]:
    way = [f"on the way: {' > '.join(chain)}"] if chain else []
    return way if log is None else [*way, f"log: {log}"]


class ScriptGraphError(Exception):
    """The base of all errors that a user can cause or meet.

    Attributes:
        chain: the aliases of the scripts from the root to the error, outermost first; each caller adds its own.
        log: the log with the details, or None.
        advice: the remedy, where it is known apart from the text; the text contains it too.
    """

    chain: tuple[str, ...] = ()
    log: Path | None = None
    advice: str | None = None

    def within(self, alias: str) -> ScriptGraphError:
        """Prepend the script `alias` to the chain, and return self."""
        self.chain = (alias, *self.chain)
        return self

    def report(self) -> str:
        """Return the error, its chain of steps and its log, one a line."""
        return "\n  ".join((str(self), *_details(self.chain, self.log)))


class DocumentError(ScriptGraphError):
    """A document cannot be read, or does not match its schema.

    Attributes:
        where: the document's file, or a description of its origin.
        pointer: the JSON pointer to the faulty value; empty for the whole document.
        problem: a description of the fault.
    """

    def __init__(self, where: object, pointer: str, problem: str) -> None:
        super().__init__(where, pointer, problem)
        self.where, self.pointer, self.problem = where, pointer, problem

    @property
    def fault(self) -> str:
        """The problem with its pointer, for messages that already name the document."""
        return f"{self.pointer}: {self.problem}" if self.pointer else self.problem

    def __str__(self) -> str:
        place = f"#{self.pointer}" if self.pointer else ""
        return shortened(f"{self.where}{place}: {self.problem}")


class ManifestError(ScriptGraphError):
    """A manifest cannot be read, or is invalid."""

    def __init__(self, path: Path, pointer: str, problem: str) -> None:
        super().__init__(path, pointer, problem)
        self.path, self.pointer, self.problem = path, pointer, problem

    def __str__(self) -> str:
        return f"{self.path}#{self.pointer}: {self.problem}"


class RequestError(ScriptGraphError):
    """A command or one of its options is invalid."""


class UnknownOptionError(RequestError):
    """A script has no such option.

    Attributes:
        known: the options to suggest from: the script's, and those of the command once it is known.
    """

    def __init__(self, alias: str, name: str, known: frozenset[str]) -> None:
        super().__init__(alias, name, known)
        self.alias, self.name, self.known = alias, name, known
        self._advice = f"`cm run script --tags={alias} --help` lists its options" if known else ""

    def __str__(self) -> str:
        close = nearest(self.name, self.known, 1)
        hint = f"did you mean --{close[0]}?" if close else ""
        advice = " ".join(filter(None, (hint, self._advice))) or "it takes no options"
        return f"{self.alias} has no option --{self.name}; {advice}"


class NoScriptError(ScriptGraphError):
    """No script has all the tags of a query.

    Attributes:
        broken: the problems of manifests whose tags cannot be read; one of them may be the script meant.
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
            problem = "has no tag that selects a script; add one"
        elif self.unknown:
            tags = "tag" if len(self.unknown) == 1 else "tags"
            problem = f"no script has the {tags} {', '.join(repr(tag) for tag in self.unknown)}"
        else:
            problem = "no script has all of these tags"
        near = f" Closest scripts: {'; '.join(self.closest)}." if self.closest else ""
        broken = ""
        if self.broken:
            more = f", and {len(self.broken) - _MOST_LISTED} more" if len(self.broken) > _MOST_LISTED else ""
            broken = f" Skipped, with broken manifests: {'; '.join(self.broken[:_MOST_LISTED])}{more}."
        return f"--tags={self.query}: {problem}.{_suggestion(self.hints)}{near}{broken}"


class AmbiguousScriptError(ScriptGraphError):
    """Several scripts match a query equally well.

    Attributes:
        matches: the alias, UID and folder of each.
    """

    def __init__(self, query: str, matches: Sequence[tuple[str, str, Path]]) -> None:
        super().__init__(query, matches)
        self.query, self.matches = query, matches

    def __str__(self) -> str:
        aliases, uids, folders = zip(*self.matches, strict=True)
        listed, remedy = ", ".join(aliases), "add a tag that only one of them has"
        if len({folder.parent for folder in folders}) > 1 or not _all_differ(aliases):
            listed = ", ".join(f"{alias} in {folder}" for alias, _, folder in self.matches)
            remedy = "give one of them an alias and a uid of its own"
            for kind, names in (("uid", uids), ("alias", aliases)):
                if _all_differ(names):
                    words = [word for word in self.query.split(",") if word.startswith(("_", "-_"))]
                    remedy = f"write the {kind} of one: --tags={','.join((names[0], *words))}"
        return f"--tags={self.query}: fits {len(self.matches)} scripts ({listed}); {remedy}"


def _all_differ(words: Sequence[str]) -> bool:
    return len(set(words)) == len(words)


class VariationError(ScriptGraphError):
    """A variation is unknown, or conflicts with another."""

    def __init__(self, alias: str, problem: str, valid: Sequence[str] = (), hints: Sequence[str] = ()) -> None:
        super().__init__(alias, problem, valid, hints)
        self.alias, self.problem, self.valid, self.hints = alias, problem, valid, hints

    def __str__(self) -> str:
        valid = f" Valid: {', '.join('_' + name for name in self.valid)}." if self.valid else ""
        return f"{self.alias}: {self.problem}.{_suggestion(self.hints)}{valid}"


class VersionError(ScriptGraphError):
    """No version of a script satisfies the request."""


class CycleError(ScriptGraphError):
    """A script depends on itself."""

    def __init__(self, aliases: Sequence[str]) -> None:
        super().__init__(aliases)
        self.aliases = aliases

    def __str__(self) -> str:
        return f"dependency cycle: {' > '.join(self.aliases)}; remove one of these dependencies"


class UndeclaredError(ScriptGraphError):
    """A script reads or exports a key that its manifest does not declare."""


class StepFailed(ScriptGraphError):  # noqa: N818 - it reads as the event it is
    """A step failed; its text comes from the step."""


class CacheError(ScriptGraphError):
    """The cache cannot be used."""
