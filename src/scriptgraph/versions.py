"""Version ranges, and the choice of one version among those a script knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from scriptgraph.errors import VersionError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class VersionRange:
    """What is asked of a version; empty text asks nothing. Both bounds belong to the range."""

    exact: str = ""
    minimum: str = ""
    maximum: str = ""

    def narrowed(self, over: VersionRange) -> VersionRange:
        """Give this range with what `over` says put in its place."""
        return VersionRange(over.exact or self.exact, over.minimum or self.minimum, over.maximum or self.maximum)

    def admits(self, version: str) -> bool:
        """Say whether `version` lies in the range."""
        if self.exact:
            return version == self.exact
        parsed = _parse(version)
        return (not self.minimum or parsed >= _parse(self.minimum)) and (
            not self.maximum or parsed <= _parse(self.maximum)
        )

    def __str__(self) -> str:
        if self.exact:
            return f"version {self.exact}"
        bounds = [f"at least {self.minimum}"] if self.minimum else []
        bounds += [f"at most {self.maximum}"] if self.maximum else []
        return f"a version of {' and '.join(bounds)}" if bounds else "any version"


ANY_VERSION = VersionRange()


def _parse(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise VersionError(f"{text!r} is not a version; write something like 1.8.0") from error


def select_version(alias: str, known: Iterable[str], default: str, asked: VersionRange) -> str:
    """Choose a version of the script `alias`.

    The default wins where it fits, else the newest that fits. A script without versions
    of its own hands what is asked on to its code (which reads `CM_VERSION*`), so any
    request is taken there.

    Raises:
        VersionError: none of the known versions fits.
    """
    versions = tuple(known)
    if not versions:
        return asked.exact
    if default and asked.admits(default):
        return default
    fitting = [version for version in versions if asked.admits(version)]
    if fitting and asked != ANY_VERSION:
        return max(fitting, key=_parse)
    if asked == ANY_VERSION:
        return default
    hints = nearest(asked.exact, versions) if asked.exact else ()
    closest = f" Did you mean {' or '.join(hints)}?" if hints else ""
    raise VersionError(f"{alias}: {asked} is not known; known: {', '.join(versions)}.{closest}")
