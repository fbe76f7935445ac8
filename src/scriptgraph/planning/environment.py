"""The environment of a script: layers of values, each of which knows where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.manifest.types import NOTHING, PLACEHOLDER, Value, Values, matches_any
from scriptgraph.manifest.versions import VERSION_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

_UNSET: Any = object()


class Layer(IntEnum):
    """Where a value comes from; a higher layer wins, and within a layer the later value."""

    DEFAULT = 0
    INHERITED = 1
    DEPENDENCY = 2
    MANIFEST = 3
    INPUT = 4
    VARIATION = 5
    VERSION = 6
    OVERRIDE = 7


class Setting(NamedTuple):
    """A value, its layer, and the script or option that set it."""

    value: Value
    layer: Layer
    source: str


class Environment(Mapping[str, Value]):
    """An immutable mapping from keys to values that keeps each value's origin."""

    __slots__ = ("_settings",)

    def __init__(self, settings: Mapping[str, Setting] | None = None) -> None:
        self._settings: dict[str, Setting] = dict(settings or {})

    def __getitem__(self, key: str) -> Value:
        return self._settings[key].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def origin(self, key: str) -> Setting:
        """Give the value of `key` with its layer and source."""
        return self._settings[key]

    def same(self, other: Environment) -> bool:
        """Compare values with their origins; unlike `==` this tells True from 1."""
        mine, others = self._settings, other._settings
        return mine is others or (
            mine == others and all(type(each.value) is type(others[key].value) for key, each in mine.items())
        )

    def signature(self) -> int:
        """Give a number that environments with the same values share, and others hardly."""
        return hash(frozenset((key, each.value) for key, each in self._settings.items()))

    def merged(self, values: Values, layer: Layer, source: str) -> Environment:
        """Put values in, where no higher layer has spoken."""
        settings = dict(self._settings)
        for key, value in values.items():
            before = settings.get(key)
            if before is None or layer >= before.layer:
                settings[key] = Setting(value, layer, source)
        return Environment(settings)

    def inherited(self, without: tuple[str, ...] = (), extra: Values = NOTHING, source: str = "") -> Environment:
        """Give what a dependency starts from: all of this but its local keys, as one layer."""
        settings = {
            key: Setting(each.value, Layer.INHERITED, each.source)
            for key, each in self._settings.items()
            if key not in VERSION_KEYS and not matches_any(key, without)
        }
        settings |= {key: Setting(value, Layer.INHERITED, source) for key, value in extra.items()}
        return Environment(settings)

    def made_of(self, value: Value, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        """Name the keys that a value stands on: those in its `<<<KEY>>>`, and those that their values stand on."""
        if not isinstance(value, str) or "<<<" not in value:
            return seen
        for key in PLACEHOLDER.findall(value):
            if key not in seen:
                seen = self.made_of(self.get(key), seen | {key})
        return seen

    def expanded(self, values: Values) -> Values:
        """Put this environment's values in the place of each `<<<KEY>>>`.

        Within text the placeholder of an unset key stays; a value that is nothing else is left out.
        """
        found = {key: self._expand(value, frozenset()) for key, value in values.items()}
        return {key: value for key, value in found.items() if value is not _UNSET}

    def resolved(self, unknown: Callable[[str], bool] = lambda _key: False) -> Environment:
        """Give this environment with its own placeholders expanded, but for what stands on `unknown` keys."""
        changed: dict[str, Setting | None] = {}
        for key, setting in self._settings.items():
            keys = self.made_of(setting.value)
            if keys and not any(unknown(each) for each in keys):
                value = self._expand(setting.value, frozenset({key}))
                changed[key] = None if value is _UNSET else setting._replace(value=value)
        if not changed:
            return self
        return Environment({key: each for key, each in {**self._settings, **changed}.items() if each is not None})

    def _expand(self, value: Value, within: frozenset[str]) -> Any:
        if not isinstance(value, str) or "<<<" not in value:
            return value

        def get(key: str) -> Any:
            known = key in self._settings and key not in within
            return self._expand(self[key], within | {key}) if known else _UNSET

        whole = PLACEHOLDER.fullmatch(value)
        if whole:
            return get(whole[1])
        return PLACEHOLDER.sub(lambda match: match[0] if (got := get(match[1])) is _UNSET else as_text(got), value)


def as_text(value: Value) -> str:
    """Write a value as the text that a program's environment or a tag holds."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
