"""The further facts of scripts from other people's collections, in the form of 2023."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.dependencies import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.manifest.dependencies import Dependency, Override

# An entry of a script's state travels in the environment as JSON text. No variable has a name with a dot.
STATE_PREFIX = "state."
OUR_PREFIX = "CM_"


class KeySet(frozenset[str]):
    """Environment keys and patterns of keys; `in` also finds the keys that match a pattern, and other programs' keys.

    The programs that a script starts read keys such as CC and +PATH, which no file of the script has to name.
    """

    __slots__ = ("_own", "_wild")
    _own: tuple[str, ...]
    _wild: list[str]

    @classmethod
    def of(cls, keys: Iterable[str], own: tuple[str, ...]) -> KeySet:
        """Make a set of keys and patterns; `own` are the prefixes of keys that only scripts read ("CM_")."""
        made = cls(keys)
        made._wild, made._own = [key for key in made if "*" in key], own
        return made

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        text = str(key)
        if not text.lstrip("+").startswith(self._own) and not text.startswith(STATE_PREFIX):
            return True
        return any(fnmatchcase(text, pattern) for pattern in self._wild)


class ConditionalValues(Immutable):
    """Values that apply where the guard of a dependency would hold."""

    guard: Dependency
    env: Mapping[str, Any] = NOTHING
    default_env: Mapping[str, Any] = NOTHING


class ForeignBlock(Immutable):
    """What a variation or a version of a foreign script adds beside the fields of ours.

    Attributes:
        prehook, posthook: dependencies that run before and after run.sh.
        post: dependencies that run last, of a version.
        state: entries that are merged into the script's state.
        own_overrides: overrides of the script's own dependencies by name, not of those below them.
        overrides: overrides at any depth, of a version.
        default_env: values of keys that are not set, of a version.
        exports: patterns of exported keys, of a version.
        conditional: values that depend on the environment at the script's start.
    """

    prehook: tuple[Dependency, ...] = ()
    posthook: tuple[Dependency, ...] = ()
    post: tuple[Dependency, ...] = ()
    state: Mapping[str, Any] = NOTHING
    own_overrides: Mapping[str, Override] = NOTHING
    overrides: Mapping[str, Override] = NOTHING
    default_env: Mapping[str, Any] = NOTHING
    exports: tuple[str, ...] = ()
    conditional: tuple[ConditionalValues, ...] = ()


class Foreign(Immutable):
    """The further facts of a foreign script.

    Attributes:
        collection: the name of its collection.
        meta: its manifest as JSON values, which its code gets.
        reads: the keys that the files of its folder name; its code gets no others.
        sets: those of its code, which may set them.
        block: its own further dependencies, state and overrides.
        post: dependencies that run last.
        state_exports: patterns of the entries of its state that leave it.
        sort: its place among scripts that match the same tags; the lowest goes first.
        versions: its own defaults of version, version_min, version_max and version_max_usable.
        together: combinations of variations of which one has to be on; any if empty.
        apart: combinations of variations that must not be on together.
        prefix: the prefix of the keys of its engine: "CM_", or "MLC_" of the successor.
    """

    collection: str
    meta: Mapping[str, Any]
    reads: frozenset[str]
    sets: tuple[str, ...] = ()
    block: ForeignBlock = ForeignBlock()
    post: tuple[Dependency, ...] = ()
    state_exports: tuple[str, ...] = ()
    sort: int = 0
    versions: Mapping[str, str] = NOTHING
    together: tuple[tuple[str, ...], ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()
    prefix: str = OUR_PREFIX

    def names_of_ours(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the names that our scripts give the keys of the successor's: it changed nothing but the prefix."""
        if self.prefix == OUR_PREFIX:
            return {}
        start = len(self.prefix)
        return {key: OUR_PREFIX + key[start:] for key in keys if key.startswith(self.prefix)}

    def all_deps(self, more: Iterable[ForeignBlock | None]) -> list[tuple[Dependency, ...]]:
        """Return the dependencies within the script: its own, and those of more blocks."""
        blocks = [self.block, *(each for each in more if each is not None)]
        return [self.post, *(deps for each in blocks for deps in (each.prehook, each.posthook, each.post))]
