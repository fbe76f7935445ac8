"""What a script's code hands back: a program to run, values that leave it, or a reason to skip."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.json_place import decode_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.manifest import Value, Values


@dataclass(frozen=True)
class Run:
    """Run a program; `postprocess(context)` is called when it has ended well."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


@dataclass(frozen=True)
class Done:
    """The work is done; these values leave the script."""

    exports: Mapping[str, Value | Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Skip:
    """There is nothing to do, for this reason."""

    reason: str
    exports: Mapping[str, Value | Path] = field(default_factory=dict)


Outcome = Run | Done | Skip


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
