"""What a submission is to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlperf_home.rules import Round
    from mlperf_home.submission.assemble.collect import FoundResult

    Describe = Callable[[str, str], Mapping[str, str]]
    Accept = Callable[[FoundResult], None]


@dataclass(frozen=True)
class Order:
    """What a submission is to be.

    Attributes:
        results_dir: the folder of results; never changed.
        submission_dir: the submission's root.
        submitter, division: its folders' names.
        rules: the round's rules.
        describe: gives a system's description from its name and its framework.
        accept: is asked about every result before anything is written; it raises AssembleError for one not to take.
        clean: whether what the submitter's folder holds is dropped; it is added to otherwise.
        allow_sample: whether results of sample data are taken, for trying.
        infer: whether scenarios that the category wants are inferred where the round allows it.
        truncate: whether accuracy logs are shortened.
        model_benchmarks: benchmarks of models whose names do not tell.
        told: fields of the results' JSON that the user tells, for those that nothing else knows.
    """

    results_dir: Path
    submission_dir: Path
    submitter: str
    division: str
    rules: Round
    describe: Describe
    accept: Accept = lambda _: None
    clean: bool = False
    allow_sample: bool = False
    infer: bool = False
    truncate: bool = True
    model_benchmarks: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
