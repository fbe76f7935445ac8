"""Which dependencies of a step must wait for which: those that read, or pass on, what another may export."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from scriptgraph.loader import has_code
from scriptgraph.resolver import exports_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scriptgraph.plan import Need, Step

_EVERYTHING = frozenset({"*"})


def waits_for(needs: Sequence[Need]) -> list[frozenset[int]]:
    """Give for each dependency the numbers of the earlier ones that must have run.

    A dependency that is settled later may be any script, and a script that is neither cached nor pure may do anything
    to what others work on: each waits for all before it, and all after it wait for it.
    """
    exports = [_exports(need) for need in needs]
    touches = [_touches(need) for need in needs]
    acts = [need.deferred or (need.step is not None and _acts(need.step)) for need in needs]
    return [
        frozenset(
            earlier
            for earlier in range(number)
            if acts[earlier] or acts[number] or _meet(exports[earlier], touches[number])
        )
        for number in range(len(needs))
    ]


def _acts(step: Step) -> bool:
    """Say whether a step, or one below it, may do more than make its own result."""
    own = has_code(step.manifest) and not (step.manifest.cache or step.manifest.pure)
    return own or any(need.deferred or (need.step is not None and _acts(need.step)) for need in step.needs())


def _exports(need: Need) -> frozenset[str]:
    if need.deferred:
        return _EVERYTHING
    return frozenset(exports_of(need.step)) if need.step else frozenset()


def _touches(need: Need) -> frozenset[str]:
    if need.deferred:
        return _EVERYTHING
    if need.step is None:
        return frozenset()
    told = {key for value in need.dependency.env.values() for key in need.step.env.made_of(value)}
    return frozenset(told | _of(need.step, {}))


def _of(step: Step, known: dict[int, frozenset[str]]) -> frozenset[str]:
    """Give the keys that a step and all below it read, are decided by, or may pass on."""
    if id(step) not in known:
        found = {*step.manifest.reads, *step.manifest.deciding_keys, *exports_of(step)}
        for need in step.needs():
            if need.deferred:
                return _EVERYTHING
            if need.step is not None:
                found |= _of(need.step, known)
        known[id(step)] = frozenset(found)
    return known[id(step)]


def _meet(exports: Iterable[str], keys: Iterable[str]) -> bool:
    names = frozenset(keys)
    return any(pattern in names or any(_fit(pattern, name) for name in names) for pattern in exports)


def _fit(one: str, other: str) -> bool:
    """Say whether some key may fit both patterns; of two that have a `*` what stands before it decides."""
    if "*" in one and "*" in other:
        heads = (one.partition("*")[0], other.partition("*")[0])
        return heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
    return fnmatchcase(one, other) if "*" in other else fnmatchcase(other, one)
