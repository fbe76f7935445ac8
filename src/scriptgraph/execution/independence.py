"""Which dependencies of a step must wait for which: those that read, or pass on, what another may export."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from scriptgraph.execution.loader import has_code
from scriptgraph.planning.resolver import exports_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scriptgraph.planning.plan import Need, Step

_EVERYTHING = frozenset({"*"})


class Independence:
    """Says what must wait for what; each step of a plan is looked at once."""

    def __init__(self) -> None:
        # By the step's identity, which the step in the entry keeps from being another's.
        self._keys: dict[int, tuple[Step, frozenset[str]]] = {}
        self._acting: dict[int, tuple[Step, bool]] = {}

    def waits_for(self, needs: Sequence[Need]) -> list[frozenset[int]]:
        """Give for each dependency the numbers of the earlier ones that must have run.

        A dependency that is settled later may be any script, and a script that is neither cached nor pure may do
        anything to what others work on: each waits for all before it, and all after it wait for it.
        """
        if len(needs) <= 1:
            return [frozenset()] * len(needs)
        exports = [_exports(need) for need in needs]
        touches = [self._touches(need) for need in needs]
        acts = [need.deferred or (need.step is not None and self._acts(need.step)) for need in needs]
        return [
            frozenset(
                earlier
                for earlier in range(number)
                if acts[earlier] or acts[number] or _meet(exports[earlier], touches[number])
            )
            for number in range(len(needs))
        ]

    def _acts(self, step: Step) -> bool:
        """Say whether a step, or one below it, may do more than make its own result."""
        if id(step) not in self._acting:
            own = has_code(step.manifest) and not (step.manifest.cache or step.manifest.pure)
            below = (need.deferred or (need.step is not None and self._acts(need.step)) for need in step.needs())
            self._acting[id(step)] = (step, own or any(below))
        return self._acting[id(step)][1]

    def _touches(self, need: Need) -> frozenset[str]:
        if need.deferred:
            return _EVERYTHING
        if need.step is None:
            return frozenset()
        told = {key for value in need.dependency.env.values() for key in need.step.env.made_of(value)}
        return frozenset(told | self._of(need.step))

    def _of(self, step: Step) -> frozenset[str]:
        """Give the keys that a step and all below it read, are decided by, or may pass on."""
        if id(step) not in self._keys:
            found = {*step.manifest.reads, *step.manifest.deciding_keys, *exports_of(step)}
            for need in step.needs():
                if need.deferred:
                    found |= _EVERYTHING
                elif need.step is not None:
                    found |= self._of(need.step)
            self._keys[id(step)] = (step, _EVERYTHING if "*" in found else frozenset(found))
        return self._keys[id(step)][1]


def _exports(need: Need) -> frozenset[str]:
    if need.deferred:
        return _EVERYTHING
    return frozenset(exports_of(need.step)) if need.step else frozenset()


def _meet(exports: Iterable[str], keys: Iterable[str]) -> bool:
    names = frozenset(keys)
    return any(pattern in names or any(_fit(pattern, name) for name in names) for pattern in exports)


def _fit(one: str, other: str) -> bool:
    """Say whether some key may fit both patterns; of two that have a `*` what stands before it decides."""
    if "*" in one and "*" in other:
        heads = (one.partition("*")[0], other.partition("*")[0])
        return heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
    return fnmatchcase(one, other) if "*" in other else fnmatchcase(other, one)
