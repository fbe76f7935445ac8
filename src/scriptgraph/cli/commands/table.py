"""The table of a command: its options with kinds, groups and words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.product import Product

Kind = Literal["switch", "text", "path", "number", "whole number", "list", "tags", "pairs", "blocks"]
EVERYDAY, STEERING, PLACES, OUTPUT = "Everyday", "Steering", "Where things go", "Output"
_LAST = (STEERING, PLACES, OUTPUT)
_VALUES = {
    "switch": "",
    "text": "=TEXT",
    "path": "=PATH",
    "number": "=NUMBER",
    "whole number": "=NUMBER",
    "list": "=WORD,...",
    "tags": "=TAG,...",
    "pairs": ".KEY=VALUE",
    "blocks": ".NAME.KEY=VALUE",
}


class Option(Immutable):
    """An option of a command.

    Attributes:
        value: the value's form in help, where the kind's own ("=PATH") says too little.
        default: in words.
        also: other spellings.
        never_empty: an empty value is refused; else it counts as not given.
    """

    name: str
    kind: Kind
    description: str
    group: str = EVERYDAY
    value: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    never_empty: bool = False

    @property
    def form(self) -> str:
        """The option as it is typed: "--home=DIR"."""
        return f"{'-' if len(self.name) == 1 else '--'}{self.name}{self.value or _VALUES[self.kind]}"


class Command(Immutable):
    """A command: what it does, its options, and the words that stand beside them.

    Attributes:
        word: the word that it takes: "tags" of a script or an entry, a "name", or none.
        words: the word in help: "NAME".
        named_and_tagged: a name and --tags may stand together.
        rest: the command line after `--`, in help; none, where empty.
        question: the error where the word is absent; the word is optional, where empty.
        open_to: whose options the command takes besides its own; nobody's, where empty.
        extra: whether options of the environment variable CM_SCRIPT_EXTRA_CMD are added to those that were typed: all
            of them, or its own alone, where the others are for the scripts that it runs.
        refused: options of other commands, with the reason that the user reads.
    """

    action: str
    automation: str
    summary: str
    options: tuple[Option, ...]
    example: str
    word: Literal["", "tags", "name"] = ""
    words: str = ""
    named_and_tagged: bool = False
    rest: str = ""
    question: str = ""
    open_to: str = ""
    extra: Literal["", "all", "own"] = ""
    refused: Mapping[str, str] = NOTHING

    @property
    def line(self) -> str:
        """The command as it is typed: "cm run script"."""
        return f"cm {self.action} {self.automation}"

    @property
    def advice(self) -> str:
        """Where the options are listed."""
        return f"`{self.line} --help` lists the options"

    @property
    def spellings(self) -> frozenset[str]:
        """Every name that an option of its own may have."""
        return frozenset(name for each in self.options for name in (each.name, *each.also))

    def grouped(self) -> Iterable[tuple[str, tuple[Option, ...]]]:
        """Yield the groups with their options: everyday ones, the command's own groups, those of many commands."""
        names = dict.fromkeys((EVERYDAY, *(each.group for each in self.options if each.group not in _LAST), *_LAST))
        for name in names:
            if options := tuple(each for each in self.options if each.group == name):
                yield name, options


def place_options(product: Product) -> tuple[Option, ...]:
    """Return the options for where things go."""
    cache = f"${product.cache_variable}, or HOME/cache"
    return (
        Option("home", "path", "the folder of all that is kept", PLACES, "=DIR", f"$CM_REPOS/{product.name}"),
        Option("cache_dir", "path", "the cache's folder", PLACES, "=DIR", cache),
    )


def progress_options() -> tuple[Option, ...]:
    """Return the options for how much is said on the way."""
    return (
        Option("quiet", "switch", "print results, warnings and errors only", OUTPUT),
        Option("verbose", "switch", "print more", OUTPUT, also=("v",)),
    )


def output_options() -> tuple[Option, ...]:
    """Return the options of every command: how the answer is printed."""
    return (
        Option(
            "out",
            "text",
            "print the answer for people, or as JSON for programs",
            OUTPUT,
            "=FORMAT",
            "console",
            choices=("console", "json"),
        ),
        Option("json", "switch", "the same as --out=json", OUTPUT, also=("j",)),
        Option("help", "switch", "list the options, and stop", OUTPUT, also=("h",)),
    )
