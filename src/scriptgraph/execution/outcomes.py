"""What a script's code hands back: a program to run, values that leave it, or a reason to skip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.located_json import decode_value
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.manifest.types import Value, Values


class Run(Immutable):
    """Run a program; `postprocess(context)` is called when it has ended well."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = NOTHING
    cwd: Path | None = None


class Done(Immutable):
    """The work is done; these values leave the script."""

    exports: Mapping[str, Value | Path] = NOTHING


class Skip(Immutable):
    """There is nothing to do, for this reason."""

    reason: str
    exports: Mapping[str, Value | Path] = NOTHING


Outcome = Run | Done | Skip


class Download(Immutable):
    """Something that a step would fetch, as its hook `downloads(context)` tells it before the run.

    Attributes:
        name: the file's name, or what it is.
        sources: URLs and paths, in the order in which they are tried; none where another program knows them.
        size_bytes: its length; None where it is not known.
        digests: its hashes, as "algorithm:hex".
        needed: whether the step fails without it.
    """

    name: str
    sources: tuple[str, ...] = ()
    size_bytes: int | None = None
    digests: tuple[str, ...] = ()
    needed: bool = True


def exports_as_values(exports: Mapping[str, Value | Path]) -> Values:
    """Turn what a script exports into values of the environment, as if they were read from a manifest.

    Raises:
        TypeError: a value is of another kind; the text names its key.
    """
    found: dict[str, Value] = {}
    for key, value in exports.items():
        parts = [_path_as_text(each) for each in value] if isinstance(value, list | tuple) else _path_as_text(value)
        try:
            found[key] = decode_value(parts)
        except TypeError as error:
            raise TypeError(f"{key}: {error}") from None
    return found


def _path_as_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
