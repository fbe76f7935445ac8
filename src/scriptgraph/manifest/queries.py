"""What is asked of a script: tag queries (`run,mlperf,_sample,-old`, or the same words with spaces), version ranges."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from scriptgraph.errors import VersionError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.version import Version


class Query(Immutable):
    """What a script must carry, and the variations asked of it.

    Attributes:
        text: the query as it was written, for messages.
        required: tags that the script must have.
        excluded: tags that it must not have (written `-tag`).
        variations: variations to turn on (written `_name`), in the order written.
        without: variations to keep off although they are a default (written `-_name`).
    """

    text: str
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    variations: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@lru_cache(maxsize=1 << 12)  # a plan of a thousand steps asks the same queries again and again
def parse_query(text: str) -> Query:
    """Split a query into its parts; commas and white space separate alike, repeats count once.

    Of a word and the same word with `-`, the later counts: `adr` takes back so what a dependency asks for.
    """
    words = {word.removeprefix("-"): word for word in text.replace(",", " ").split()}.values()
    return Query(
        text=",".join(words),
        required=tuple(word for word in words if not word.startswith(("_", "-"))),
        excluded=tuple(word[1:] for word in words if word.startswith("-") and not word.startswith("-_")),
        variations=tuple(word[1:] for word in words if word.startswith("_")),
        without=tuple(word[2:] for word in words if word.startswith("-_")),
    )


# The version asked for is a script's own: a dependency has another.
VERSION_KEYS = frozenset({"CM_VERSION", "CM_VERSION_MIN", "CM_VERSION_MAX"})


class VersionRange(Immutable):
    """What is asked of a version; empty text asks nothing. Both bounds belong to the range."""

    exact: str = ""
    minimum: str = ""
    maximum: str = ""

    def narrowed(self, over: VersionRange) -> VersionRange:
        """Give this range with what `over` says put in its place."""
        if over is ANY_VERSION:
            return self
        return version_range(over.exact or self.exact, over.minimum or self.minimum, over.maximum or self.maximum)

    def admits(self, version: str) -> bool:
        """Say whether `version` lies in the range; a name such as "master" lies in none that has bounds."""
        if self.exact:
            return version == self.exact
        low, high = (_parse(bound) if bound else None for bound in (self.minimum, self.maximum))
        if low is None and high is None:
            return True
        try:
            parsed = _parse(version)
        except VersionError:
            return False
        return (low is None or parsed >= low) and (high is None or parsed <= high)

    def __str__(self) -> str:
        if self.exact:
            return f"version {self.exact}"
        bounds = [f"at least {self.minimum}"] if self.minimum else []
        bounds += [f"at most {self.maximum}"] if self.maximum else []
        return f"a version of {' and '.join(bounds)}" if bounds else "any version"


ANY_VERSION = VersionRange()


def version_range(exact: str = "", minimum: str = "", maximum: str = "") -> VersionRange:
    """Return a range of versions: `ANY_VERSION` itself where nothing is asked."""
    return VersionRange(exact, minimum, maximum) if exact or minimum or maximum else ANY_VERSION


def _parse(text: str) -> Version:
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - most requests ask for no version

    try:
        return Version(text)
    except InvalidVersion as error:
        raise VersionError(f"{text!r} is not a version; write something like 1.8.0") from error


def select_version(alias: str, known: Iterable[str], default: str, asked: VersionRange) -> str:
    """Choose a version of the script `alias`.

    The default wins where it fits, else the newest that fits. A script without versions
    of its own that reads `CM_VERSION*` takes any request.

    Raises:
        VersionError: none of the known versions fits.
    """
    versions = tuple(known)
    if not versions:
        return asked.exact
    if default and asked.admits(default):
        return default
    if asked is ANY_VERSION:
        return default
    fitting = [version for version in versions if asked.admits(version)]
    if fitting:
        return asked.exact or max(fitting, key=_parse)
    hints = nearest(asked.exact, versions) if asked.exact else ()
    closest = f" Did you mean {' or '.join(hints)}?" if hints else ""
    raise VersionError(f"{alias}: {asked} is not known; known: {', '.join(versions)}.{closest}")
