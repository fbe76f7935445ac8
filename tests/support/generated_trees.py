"""Generate a submission from results, and read the tree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from submission_tree import RULES, system

from mlperf_home.submission.assemble.collect import SubmissionRequest
from mlperf_home.submission.check.report import CheckOptions, check_submission

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _describe(sut: str, framework: str) -> Mapping[str, str]:
    return system("open", "Example") | {"system_name": sut, "framework": framework}


def submission_request(tmp_path: Path, **changes: Any) -> SubmissionRequest:
    """Return a request to make `tree` from `results`."""
    request = SubmissionRequest(tmp_path / "results", tmp_path / "tree", "Example", "open", RULES, _describe)
    return replace(request, **changes)


def contents(root: Path) -> dict[str, bytes]:
    """Return the content of each file below a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def errors(root: Path, *, allow_sample: bool = False) -> list[str]:
    """Return the errors that our check finds in a tree."""
    return [str(finding) for finding in check_submission(root, RULES, CheckOptions(allow_sample=allow_sample)).errors]
