"""A description belongs to the machine that was measured, which may not be the one that describes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.submission.assemble.collect import AssembleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.submission.assemble.collect import FoundResult

_KEY = "host_processor_model_name"


def require_same_processor(result: FoundResult, described: Mapping[str, str], own: Path | None) -> None:
    """Refuse a result of another processor than the described one; with a description of the user's it is theirs.

    Raises:
        AssembleError: the result tells another processor.
    """
    if own is not None or result.measurement is None or _KEY not in result.measurement.system:
        return
    measured = result.measurement.system[_KEY].value
    if measured is not None and measured != described.get(_KEY):
        problem = f"was measured on {measured}, and this machine is {described.get(_KEY)}"
        advice = "make the submission on that machine, or give its values by --system_file"
        raise AssembleError(result.folder, problem, advice)
