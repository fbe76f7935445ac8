"""The trees made of fixed results equal those of tests/golden, file by file.

After a change that is meant: `MLPERF_HOME_WRITE_GOLDEN=1 python -m pytest tests/golden`, and read the difference.
"""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

import pytest
from submission_results import foreign, ours
from submission_tree import MOBILENET, RULES, system

from mlperf_home.submission.assemble.collect import SubmissionRequest
from mlperf_home.submission.assemble.generate import generate
from mlperf_home.submission.check.report import CheckOptions, check_submission

HERE = Path(__file__).parent
# Whole texts for what people read; of logs, which are copied, the hash.
TEXTS = {".md", ".json", ".conf"}


def told(root: Path) -> str:
    """Return a tree as text: every file with its text or its hash."""
    lines = []
    for path in sorted(root.rglob("*")):
        if path.is_file():
            name, content = path.relative_to(root).as_posix(), path.read_bytes()
            lines.append(f"== {name}")
            is_text = (path.suffix in TEXTS or "/code/" in name) and path.name not in {
                "mlperf.conf",
                "mlperf_log_accuracy.json",
            }
            lines.append(content.decode() if is_text else f"sha256 {hashlib.sha256(content).hexdigest()}")
    return "\n".join(lines).replace(version("mlperf-home"), "<version>") + "\n"


@pytest.mark.parametrize("name", ["open", "sample"])
def test_the_tree_is_the_golden_one(tmp_path: Path, name: str) -> None:
    sample = name == "sample"
    if sample:
        ours(tmp_path / "results", sample=True)
    else:
        ours(tmp_path / "results")
        foreign(tmp_path / "results", MOBILENET, "SingleStream", "resnet")
    described = system("open", "Example")
    request = SubmissionRequest(
        tmp_path / "results",
        tmp_path / "tree",
        "Example",
        "open",
        RULES,
        lambda _, engine: {**described, "framework": engine},
    )

    generate(SubmissionRequest(**{**vars(request), "infer": True, "allow_sample": sample}))

    golden = HERE / f"submission-{name}.txt"
    if os.environ.get("MLPERF_HOME_WRITE_GOLDEN"):
        golden.write_text(told(tmp_path / "tree"), encoding="utf-8")
    assert told(tmp_path / "tree") == golden.read_text(encoding="utf-8")
    assert not check_submission(tmp_path / "tree", RULES, CheckOptions(allow_sample=sample)).errors
