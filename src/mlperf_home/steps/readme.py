"""The README of a result: what it is, and the command that makes it again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import published_words
from mlperf_home.measurements.table import summary_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.measurements.measurement import Measurement

# What concerns only the time it was typed, not what was measured.
_NOT_TYPED_AGAIN = {"--rerun", "--regenerate_files", "--regenerate-files", "--quiet", "--out", "-v", "-j"}


def readme_text(
    measurement: Measurement, command_line: Sequence[str], model_source: str, published_f1: float | None
) -> str:
    """Write the README in Markdown.

    Args:
        measurement: the result.
        command_line: the words typed after `cm run script`.
        model_source: where the model is from, or "".
        published_f1: what the model's makers publish, in percent; None where they do not.
    """
    lines = [f"# {measurement.benchmark}, {measurement.scenario}", ""]
    if measurement.sample:
        lines += ["**This is a sample result: made-up data and a toy model. It is no MLPerf result.**", ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {label} | {value} |" for label, value in summary_rows(measurement)]
    if model_source:
        lines.append(f"| model from | {model_source} |")
    if published_f1 is not None:
        lines.append(f"| F1 published for the model | {published_f1:.3f} % |")
    lines += [f"| Top-1 (%) of the model elsewhere | {words} |" for words in published_words(measurement)]
    command = shlex.join(["cm", "run", "script", *repeated(command_line)])
    lines += ["", "Made with mlperf-home by", "", "```", command, "```", ""]
    return "\n".join(lines)


def repeated(words: Sequence[str]) -> list[str]:
    """Return the words to type to measure the same again."""
    return [word for word in words if word.partition("=")[0] not in _NOT_TYPED_AGAIN]
