"""The table of a command: its options with kinds, groups and descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.product import Product

Kind = Literal["switch", "text", "path", "list", "tags", "pairs", "texts", "blocks"]
EVERYDAY, STEERING, PLACES, OUTPUT = "Everyday", "Steering", "Where things go", "Output"
_LAST = (STEERING, PLACES, OUTPUT)
_VALUES = {
    "switch": "",
    "text": "=TEXT",
    "path": "=PATH",
    "list": "=WORD,...",
    "tags": "=TAG,...",
    "pairs": ".KEY=VALUE",
    "texts": ".KEY[=TEXT]",
    "blocks": ".NAME.KEY=VALUE",
}


class Option(Immutable):
    """An option of a command.

    Attributes:
        name: its name with underscores.
        kind: the kind of its value.
        description: its line in help.
        group: its group in help.
        value: the form of its value in help; by default that of its kind ("=PATH").
        default: its default value in words.
        choices: the allowed values; any if empty.
        also: other spellings.
        never_empty: whether an empty value is an error; otherwise it counts as not set.
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
        """The option on a command line: "--home=DIR"."""
        return f"{'-' if len(self.name) == 1 else '--'}{self.name}{self.value or _VALUES[self.kind]}"


class Command(Immutable):
    """A command with its options and its subject.

    Attributes:
        action: cmind's action ("run").
        automation: cmind's automation ("script").
        summary: a sentence of help.
        options: its own options.
        example: a command line.
        word: the kind of its subject: "tags" of a script or an entry, a "name", or none.
        words: the form of the subject in help ("NAME").
        named_and_tagged: whether a name and --tags may be combined.
        rest: the form of the words after `--` in help; empty if it takes none.
        question: the error for a missing subject; empty if the subject is optional.
        open_to: the subject whose options the command also takes; empty for none.
        extra: whether options of the variable CM_SCRIPT_EXTRA_CMD are added: "all" of them; only its "own", if the
            others are for the scripts that it runs; or none.
        refused: options of other commands, with the reason shown to the user.
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
        """The start of the command line: "cm run script"."""
        return f"cm {self.action} {self.automation}"

    @property
    def advice(self) -> str:
        """The advice to list the options."""
        return f"`{self.line} --help` lists the options"

    @property
    def spellings(self) -> frozenset[str]:
        """All names of its own options."""
        return frozenset(name for each in self.options for name in (each.name, *each.also))

    def grouped(self) -> Iterable[tuple[str, tuple[Option, ...]]]:
        """Yield the option groups: everyday options, the command's own groups, then those of all commands."""
        names = dict.fromkeys((EVERYDAY, *(each.group for each in self.options if each.group not in _LAST), *_LAST))
        for name in names:
            if options := tuple(each for each in self.options if each.group == name):
                yield name, options


def home_option(product: Product) -> Option:
    """Return the option for the home folder."""
    default = f"$CM_REPOS/{product.name}"
    return Option("home", "path", "the folder of records, results and state", PLACES, "=DIR", default)


def place_options(product: Product) -> tuple[Option, ...]:
    """Return the options for the folders of results and cache."""
    cache = f"${product.cache_variable}, or HOME/cache"
    return (home_option(product), Option("cache_dir", "path", "the cache's folder", PLACES, "=DIR", cache))


def network_options() -> tuple[Option, ...]:
    """Return the options for the use of the network."""
    mirrors = 'a JSON object of URL prefixes, such as {"https://host/": "http://mirror/host/"}'
    return (
        Option("offline", "switch", "do not use the network", EVERYDAY),
        Option("mirrors", "path", mirrors, STEERING, "=FILE", "$CM_MIRRORS"),
    )


def trust_options() -> tuple[Option, ...]:
    """Return the options of commands that repeat what a file from elsewhere asks for."""
    signers = "accept files signed by one of these: a file in ssh-keygen's form"
    return (
        Option("trust", "switch", "run a file that this home did not write, after reading what it would run"),
        Option("allowed_signers", "path", signers, value="=FILE", never_empty=True),
    )


def quiet_option() -> Option:
    """Return the option for less output."""
    return Option("quiet", "switch", "print results, warnings and errors only", OUTPUT, also=("silent", "s"))


def progress_options() -> tuple[Option, ...]:
    """Return the options for the amount of progress output."""
    return (quiet_option(), Option("verbose", "switch", "print more", OUTPUT, also=("v",)))


def output_options() -> tuple[Option, ...]:
    """Return the options of every command for the form of its answer."""
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
