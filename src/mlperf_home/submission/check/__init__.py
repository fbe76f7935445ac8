"""Our own check of a submission's tree: every rule, every finding, all at once."""

from mlperf_home.submission.check.report import CheckError, CheckOptions, CheckReport, ResultRow, check_submission
from mlperf_home.submission.check.tree.places import Finding

__all__ = ["CheckError", "CheckOptions", "CheckReport", "Finding", "ResultRow", "check_submission"]
