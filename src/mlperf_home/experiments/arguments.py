"""What was typed after `cm ... experiment`: decoded, with every option known or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.expression import Expression
from mlperf_home.product import PRODUCT
from scriptgraph.embed import as_text, same, wants_json
from scriptgraph.errors import RequestError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_CMIND = frozenset({
    "action", "automation", "artifact", "artifacts", "parsed_automation", "parsed_artifact", "parsed_artifacts",
    "cmd", "out", "unparsed_cmd", "save_to_json", "common", "ignore_inheritance", "control", "j", "json", "quiet",
})  # fmt: skip
_OPTIONS = {
    "run": ("tags", "explore", "explore_file", "rerun"),
    "replay": (),
    "find": ("tags",),
    "show": ("tags", "pareto", "metrics", "derive", "sort", "prices", "parquet"),
    "rm": ("tags", "f", "force"),
}
_SWITCHES = {"rerun", "pareto", "f", "force"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a command: the folder of all that we keep, switches that are on, and the others that were given."""

    home: Path
    on: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)

    def path(self, option: str) -> Path | None:
        """Return an option that is a path."""
        text = self.texts.get(option)
        return Path(text).expanduser().absolute() if text else None


@dataclass(frozen=True, kw_only=True)
class Asking(Options):
    """A command about experiments.

    Attributes:
        name: an experiment's name, or "".
        root: where experiments lie.
        as_json: nothing else may be printed.
        words: what stood behind `--`.
    """

    name: str
    tags: tuple[str, ...]
    root: Path
    as_json: bool
    words: tuple[str, ...] = ()

    def listed(self, option: str) -> tuple[str, ...]:
        """Return the words of an option that is a list with commas."""
        return _words(self.texts.get(option, ""))


def read_asking(action: str, command: Mapping[str, Any]) -> Asking:
    """Decode a command.

    Raises:
        RequestError: a stray word, an option that the action does not have or that would do nothing, or one without a
            value.
    """
    given = {key.replace("-", "_"): value for key, value in command.items() if key not in _CMIND}
    refuse_strays(command, *(("artifacts",) if action == "run" else ("artifacts", "unparsed_cmd")))
    check_known(given, ("name", "home", "experiments_dir", *_OPTIONS[action]))
    texts = {name: text_of(name, value) for name, value in given.items() if name not in _SWITCHES and value != ""}
    named = {str(each) for each in (command.get("artifact"), texts.pop("name", None)) if each}
    if len(named) > 1:
        raise RequestError(f"two names: {' and '.join(sorted(named))}; an experiment has one")
    tags = _words(texts.pop("tags", ""))
    if named and tags and action != "run":
        raise RequestError(f"{''.join(named)} and --tags={','.join(tags)}: give a name or tags, not both")
    on = frozenset(name for name in _SWITCHES & given.keys() if is_on(name, given[name]))
    if "pareto" in on and "sort" in texts:
        raise RequestError("--sort: a front is in the order of its first metric; give --sort or --pareto")
    home = Path(texts.pop("home", PRODUCT.home)).expanduser().absolute()
    return Asking(
        name="".join(named),
        tags=tags,
        root=Path(texts.pop("experiments_dir", home / "experiments")).expanduser().absolute(),
        home=home,
        as_json=wants_json(command) or command.get("out") != "con",
        words=tuple(map(str, command.get("unparsed_cmd") or ())),
        on=on,
        texts=texts,
    )


def read_derivations(text: str) -> dict[str, Expression]:
    """Read "per_core = samples_per_second / cores; ...".

    Raises:
        RequestError: a part has no name.
        ExpressionError: a part is not arithmetic on names and numbers.
    """
    found = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, equals, expression = part.partition("=")
        if not equals or not name.strip().isidentifier():
            raise RequestError(f"--derive={part}: write NAME=EXPRESSION, several with ; between them")
        found[name.strip()] = Expression(expression.strip())
    return found


def refuse_strays(command: Mapping[str, Any], *places: str) -> None:
    """Raise RequestError if there are words in these places of cmind's dictionary."""
    if strays := [str(word) for key in places for word in command.get(key) or ()]:
        raise RequestError(f"stray words: {' '.join(strays)}; options are written --name=value, without spaces")


def check_known(given: Iterable[str], known: Sequence[str]) -> None:
    """Check that every option is known. Raise RequestError if one is not; it names the nearest, or all."""
    for name in given:
        if name not in known:
            close = nearest(name, known, 1)
            hint = f"did you mean --{close[0]}?" if close else f"options: {', '.join(f'--{each}' for each in known)}"
            raise RequestError(f"--{name}: not known here; {hint}")


def is_on(name: str, value: Any) -> bool:
    """Whether a switch is on. Raise RequestError if it says neither yes nor no."""
    for answer in (True, False):
        if not isinstance(value, dict | list) and same(value, answer):
            return answer
    raise RequestError(f"--{name}={as_text(value)}: must be yes or no")


def text_of(name: str, value: Any) -> str:
    """Return an option that is a text; a list's entries are joined by commas. Raise RequestError if it has no value."""
    if isinstance(value, bool | dict) or value is None or value == "":
        raise RequestError(f"--{name} needs a value: write --{name}=VALUE, without spaces")
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else as_text(value)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (each.strip() for each in text.split(",")) if word)
