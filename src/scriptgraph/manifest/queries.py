"""Tag queries (`run,mlperf,_sample,-old`, or the same words with spaces) and version ranges."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from scriptgraph.errors import VersionError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.version import Version


class Query(Immutable):
    """The tags that select a script, and the variations to turn on or off.

    Attributes:
        text: the query's words, joined by commas, for messages.
        required: tags that the script must have.
        excluded: tags that it must not have (written `-tag`).
        variations: variations to turn on (written `_name`), in the order written.
        without: variations to keep off, even if they are defaults (written `-_name`).
        collection: the collection in which to search (written `NAME:tags`); empty for all scripts.
    """

    text: str
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    variations: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    collection: str = ""


# Tags before the colon would be separated by commas, and a variation begins with an underscore.
_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]*")


@lru_cache(maxsize=1 << 12)  # a plan of a thousand steps repeats its queries
def parse_query(text: str) -> Query:
    """Split a query into its parts. Commas and white space separate words; repeated words count once.

    Of a word and its negation with `-`, the later wins, so that `adr` can override a dependency's tags.
    """
    collection, mark, rest = text.partition(":")
    if not mark or not _COLLECTION.fullmatch(collection):
        collection, rest = "", text
    words = {word.removeprefix("-"): word for word in rest.replace(",", " ").split()}.values()
    return Query(
        collection=collection,
        text=f"{collection}:{','.join(words)}" if collection else ",".join(words),
        required=tuple(word for word in words if not word.startswith(("_", "-"))),
        excluded=tuple(word[1:] for word in words if word.startswith("-") and not word.startswith("-_")),
        variations=tuple(word[1:] for word in words if word.startswith("_")),
        without=tuple(word[2:] for word in words if word.startswith("-_")),
    )


# These keys are never handed down: a requested version applies to one script only.
VERSION_KEYS = frozenset({"CM_VERSION", "CM_VERSION_MIN", "CM_VERSION_MAX"})


class VersionRange(Immutable):
    """A range of versions, with inclusive bounds; empty text sets no bound."""

    exact: str = ""
    minimum: str = ""
    maximum: str = ""

    def narrowed(self, over: VersionRange) -> VersionRange:
        """Return this range with the bounds that `over` sets replaced."""
        if over is ANY_VERSION:
            return self
        return version_range(over.exact or self.exact, over.minimum or self.minimum, over.maximum or self.maximum)

    def admits(self, version: str) -> bool:
        """Whether the range contains `version`; no range with bounds contains a name such as "master"."""
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
    """Return a range of versions: `ANY_VERSION` itself if all bounds are empty."""
    return VersionRange(exact, minimum, maximum) if exact or minimum or maximum else ANY_VERSION


def _parse(text: str) -> Version:
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - most requests set no version

    try:
        return Version(text)
    except InvalidVersion as error:
        raise VersionError(f"{text!r} is not a version; write something like 1.8.0") from error


def select_version(alias: str, known: Iterable[str], default: str, requested: VersionRange) -> str:
    """Choose a version of the script `alias`.

    The default wins if the requested range contains it, else the newest version that the range contains. A script
    without versions of its own passes the exact version on to its code.

    Raises:
        VersionError: the range contains no known version.
    """
    versions = tuple(known)
    if not versions:
        return requested.exact
    if default and requested.admits(default):
        return default
    if requested is ANY_VERSION:
        return default
    fitting = [version for version in versions if requested.admits(version)]
    if fitting:
        return requested.exact or max(fitting, key=_parse)
    hints = nearest(requested.exact, versions) if requested.exact else ()
    closest = f" Did you mean {' or '.join(hints)}?" if hints else ""
    raise VersionError(f"{alias}: {requested} is not known; known: {', '.join(versions)}.{closest}")
