"""From a folder of results to a submission's tree."""

from mlperf_home.submission.assemble.collect import AssembleError, FoundResult, Skipped, find_results
from mlperf_home.submission.assemble.generate import Assembled, Order, generate

__all__ = ["AssembleError", "Assembled", "FoundResult", "Order", "Skipped", "find_results", "generate"]
