"""The README of a result: what it is, and the command that makes it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.results.table import summary_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.results.measurement import Measurement

_NOT_TYPED_AGAIN = ("--rerun", "--regenerate", "--quiet", "--out", "-v", "-j")


@dataclass(frozen=True)
class Reproduction:
    """How a result was made: the words typed after `cm run script`, where its model is from, its style."""

    command_line: Sequence[str]
    model_source: str
    style: str


def readme_text(measurement: Measurement, reproduction: Reproduction) -> str:
    """Write the README in Markdown."""
    words = [word for word in reproduction.command_line if not word.startswith(_NOT_TYPED_AGAIN)]
    lines = [f"# {measurement.benchmark}, {measurement.scenario}", ""]
    if measurement.sample:
        lines += ["**This is a sample result: made-up questions and a toy model. It is no MLPerf result.**", ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {label} | {value} |" for label, value in summary_rows(measurement)]
    if reproduction.model_source:
        lines.append(f"| model from | {reproduction.model_source} |")
    lines += ["", "Made with mlperf-home by", "", "```", shlex.join(["cm", "run", "script", *words]), "```", ""]
    return "\n".join(lines)
