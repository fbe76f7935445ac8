"""Our own check of a submission's tree: every rule, every finding, all at once."""

from mlperf_home.submission.check.places import Finding
from mlperf_home.submission.check.report import CheckError, CheckOptions, CheckReport, ResultRow, check_submission

__all__ = ["CheckError", "CheckOptions", "CheckReport", "Finding", "ResultRow", "check_submission"]
