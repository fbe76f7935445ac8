"""Parts of a decoded `cm ... experiment`: folders, the name, derived metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.artifact_commands import artifacts_folder
from mlperf_home.measurements.expression import Expression
from mlperf_home.product import PRODUCT
from scriptgraph.embed import home_folders
from scriptgraph.errors import RequestError
from scriptgraph.printable import shortened

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.embed import Arguments


def home_of(arguments: Arguments) -> Path:
    """Return the home folder."""
    return home_folders(arguments, PRODUCT)[0]


def root_of(arguments: Arguments) -> Path:
    """Return the folder of experiments."""
    return artifacts_folder(arguments)


def require_name(arguments: Arguments) -> str:
    """Return the name of an experiment. Raise RequestError if the command has none."""
    if not arguments.word:
        raise RequestError(arguments.command.question)
    return arguments.word


def read_derivations(text: str) -> dict[str, Expression]:
    """Parse derived metrics: "per_core = samples_per_second / cores; ...".

    Raises:
        RequestError: a part has no name.
        ExpressionError: a part is not arithmetic on names and numbers.
    """
    derivations = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, equals, expression = part.partition("=")
        if not equals or not name.strip().isidentifier():
            raise RequestError(f"--derive={shortened(part)}: write NAME=EXPRESSION, several with ; between them")
        derivations[name.strip()] = Expression(expression.strip())
    return derivations
