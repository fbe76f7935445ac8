"""The picture of a run over time, beside its measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.latencies import LATENCIES_FILE
from mlperf_home.latencies.over_time import draw, over_time
from mlperf_home.latencies.series import read_series
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from mlperf_home.measurements.layout import ResultFolder
    from mlperf_home.measurements.measurement import Measurement

PICTURE = "over-time.svg"


def write_picture(folder: ResultFolder, measurement: Measurement) -> str:
    """Draw the performance run of a result; return the picture's name, "" without kept times.

    Raises:
        DocumentError: the kept times are damaged.
    """
    kept = folder.logs("performance") / LATENCIES_FILE
    if not kept.is_file():
        (folder.root / PICTURE).unlink(missing_ok=True)
        return ""
    sample = "SAMPLE: " if measurement.sample else ""
    title = f"{sample}{measurement.benchmark}, {measurement.scenario}, {measurement.model['name'].value}"
    replace_text(folder.root / PICTURE, draw(over_time(read_series(kept)), title))
    return PICTURE
