"""The environment of a script: layers of values with their origins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.manifest.queries import VERSION_KEYS
from scriptgraph.manifest.types import PLACEHOLDER, Value, Values, matches_any

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable

_UNSET: Any = object()


class Layer(IntEnum):
    """The origin of a value; a higher layer wins, and within a layer the later value."""

    DEFAULT = 0
    INHERITED = 1
    DEPENDENCY = 2
    MANIFEST = 3
    INPUT = 4
    VARIATION = 5
    VERSION = 6
    OVERRIDE = 7


class LayeredValue(NamedTuple):
    """A value, its layer, and the script or option that set it."""

    value: Value
    layer: Layer
    source: str


class Unknown:
    """The keys that later steps may still export, by pattern; answers are cached."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = frozenset(patterns)
        self._wild = [pattern for pattern in self.patterns if not pattern.isidentifier()]
        self._answers: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __contains__(self, key: str) -> bool:
        answer = self._answers.get(key)
        if answer is None:
            answer = key in self.patterns or any(fnmatchcase(key, pattern) for pattern in self._wild)
            self._answers[key] = answer
        return answer

    def among(self, keys: Iterable[str]) -> list[str]:
        """Return the unknown ones among the keys."""
        return [key for key in keys if key in self]

    def and_also(self, patterns: Iterable[str]) -> Unknown:
        """Return the union with more patterns; self if nothing is added."""
        more = frozenset(patterns)
        return self if more <= self.patterns else Unknown(self.patterns | more)


NOTHING_UNKNOWN = Unknown()


class Environment(Mapping[str, Value]):
    """An immutable mapping from keys to values, with each value's origin."""

    # Results are cached: a plan repeats the same questions for each dependency.
    __slots__ = ("_inheritable", "_open", "_resolved", "_settings", "_signature")

    def __init__(self, settings: Mapping[str, LayeredValue] | None = None) -> None:
        self._settings: dict[str, LayeredValue] = settings if isinstance(settings, dict) else dict(settings or {})
        self._signature: int | None = None
        self._open: tuple[str, ...] | None = None
        self._inheritable: dict[tuple[str, ...], dict[str, LayeredValue]] = {}
        self._resolved: dict[tuple[str, ...], Environment] = {}

    def __getitem__(self, key: str) -> Value:
        return self._settings[key].value

    def __contains__(self, key: object) -> bool:
        return key in self._settings

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def origin(self, key: str) -> LayeredValue:
        """Return the value of `key` with its layer and source."""
        return self._settings[key]

    def with_layers_of(self, other: Environment, layers: Container[Layer], source: str) -> Environment:
        """Return this environment with another's values of some layers merged, as `layered` does."""
        found = [(key, each) for key, each in other._settings.items() if each[1] in layers]
        return self.layered(({key: each[0]}, each[1], source) for key, each in found) if found else self

    def only(self, keys: Container[str]) -> dict[str, Value]:
        """Return the values of the keys that are set, sorted by key."""
        return {key: self._settings[key][0] for key in sorted(self._settings) if key in keys}

    def without(self, keys: Container[str]) -> Environment:
        """Return this environment without some keys."""
        return Environment({key: each for key, each in self._settings.items() if key not in keys})

    def exported(self, patterns: tuple[str, ...]) -> dict[str, Value]:
        """Return the values of the keys that match one of the patterns, with placeholders expanded."""
        env, matching = self.resolved(), Unknown(patterns)
        return {key: env[key] for key in env if key in matching}

    def changing(self, keys: Iterable[str], unknown: Unknown, consulted: set[str] | None = None) -> frozenset[str]:
        """Return the keys that may still change, directly or through a placeholder in their value.

        A later export wins unless a higher layer has set the key.

        Args:
            keys: the keys.
            unknown: the keys that later steps may export.
            consulted: receives each key on which the answer depends.
        """
        found = []
        for key in keys:
            made_of = self._made_of_all(key)
            if consulted is not None:
                consulted.update(made_of)
            for each in made_of:
                if each in unknown and (each not in self._settings or self._settings[each][1] <= Layer.DEPENDENCY):
                    found.append(key)
                    break
        return frozenset(found)

    def known_for(
        self, keys: frozenset[str], unknown: Unknown, consulted: set[str]
    ) -> tuple[Environment, Mapping[str, Value], frozenset[str]]:
        """Return the values that decide about a dependency.

        Args:
            keys: the keys in its guard and its tags.
            unknown: as in `changing`.
            consulted: as in `changing`.

        Returns:
            This environment with placeholders expanded, its values of the keys, and the keys that may still change.
        """
        env = self.resolved(unknown, consulted)
        return env, env.only(keys), self.changing(keys, unknown, consulted)

    def unknown_below(self, values: Values, unknown: Unknown, consulted: set[str] | None = None) -> Unknown:
        """Return the unknown keys of a dependency that gets `values`, including those whose placeholders may change."""
        if not unknown and consulted is None:
            return unknown
        made = {key: self.made_of(self._settings[key][0]) for key in self.placeholders()}
        made |= {key: self.made_of(value) for key, value in values.items() if isinstance(value, str) and "<<<" in value}
        return unknown.and_also(key for key, keys in made.items() if self.changing(keys, unknown, consulted))

    def _made_of_all(self, key: str) -> Collection[str]:
        setting = self._settings.get(key)
        if setting is None or not isinstance(setting[0], str) or "<<<" not in setting[0]:
            return (key,)
        return {key, *self.made_of(setting[0])}

    def same(self, other: Environment) -> bool:
        """Whether values and origins are equal; unlike `==`, True differs from 1."""
        mine, others = self._settings, other._settings
        return mine is others or (
            mine == others and all(type(each.value) is type(others[key].value) for key, each in mine.items())
        )

    def signature(self) -> int:
        """Return a hash of the values."""
        if self._signature is None:
            self._signature = hash(frozenset((key, each[0]) for key, each in self._settings.items()))
        return self._signature

    def merged(self, values: Values, layer: Layer, source: str) -> Environment:
        """Return this environment with values merged, except where a higher layer has set the key."""
        return self.layered(((values, layer, source),)) if values else self

    def layered(self, blocks: Iterable[tuple[Values, Layer, str]]) -> Environment:
        """Return this environment with blocks of values merged one after another, as `merged` does."""
        settings = dict(self._settings)
        for values, layer, source in blocks:
            for key, value in values.items():
                before = settings.get(key)
                if before is None or layer >= before[1]:
                    settings[key] = LayeredValue(value, layer, source)
        return Environment(settings)

    def handed_down(self, values: Values, without: tuple[str, ...] = (), source: str = "") -> Environment:
        """Return the initial environment of a dependency: this one without local keys, and `values`, as one layer.

        Args:
            values: the manifest's values for the dependency; `<<<KEY>>>` is expanded from this environment.
            without: patterns of the local keys.
            source: the origin to note for `values`.
        """
        base = self._inheritable.get(without)
        if base is None:
            base = self._inheritable[without] = {
                key: each if each[1] == Layer.INHERITED else LayeredValue(each[0], Layer.INHERITED, each[2])
                for key, each in self._settings.items()
                if key not in VERSION_KEYS and not (without and matches_any(key, without))
            }
        expanded = self.expanded(values).items()
        return Environment({**base, **{key: LayeredValue(value, Layer.INHERITED, source) for key, value in expanded}})

    def made_of(self, value: Value, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        """Return the keys in a value's placeholders, and in the placeholders of their values."""
        if not isinstance(value, str) or "<<<" not in value:
            return seen
        for key in PLACEHOLDER.findall(value):
            if key not in seen:
                seen = self.made_of(self.get(key), seen | {key})
        return seen

    def placeholders(self) -> tuple[str, ...]:
        """Return the keys whose values have placeholders."""
        if self._open is None:
            settings = self._settings.items()
            self._open = tuple(
                key for key, each in settings if isinstance(each[0], str) and "<<<" in each[0] and self.made_of(each[0])
            )
        return self._open

    def expanded(self, values: Values) -> Values:
        """Return values with each `<<<KEY>>>` replaced by this environment's value.

        Within text, the placeholder of an unset key remains; a value that is only such a placeholder is left out.
        """
        found = {key: self._expand(value, frozenset()) for key, value in values.items()}
        return {key: value for key, value in found.items() if value is not _UNSET}

    def resolved(self, unknown: Unknown | None = None, consulted: set[str] | None = None) -> Environment:
        """Return this environment with its placeholders expanded, except those of keys that may change."""
        keys = self.placeholders()
        if not keys:
            return self
        if unknown is not None:
            keys = tuple(key for key in keys if not self.changing(self.made_of(self[key]), unknown, consulted))
        if keys not in self._resolved:
            settings = dict(self._settings)
            for key in keys:
                value = self._expand(settings[key].value, frozenset({key}))
                if value is _UNSET:
                    del settings[key]
                else:
                    settings[key] = settings[key]._replace(value=value)
            self._resolved[keys] = Environment(settings)
        return self._resolved[keys]

    def _expand(self, value: Value, within: frozenset[str]) -> Any:
        if not isinstance(value, str) or "<<<" not in value:
            return value

        def get(key: str) -> Any:
            known = key in self._settings and key not in within
            return self._expand(self[key], within | {key}) if known else _UNSET

        alone = PLACEHOLDER.fullmatch(value)
        if alone:
            return get(alone[1])
        return PLACEHOLDER.sub(lambda match: match[0] if (got := get(match[1])) is _UNSET else as_text(got), value)


def as_text(value: Value) -> str:
    """Return a value as text, for a program's environment or a tag."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
