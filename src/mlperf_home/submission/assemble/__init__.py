"""From a folder of results to a submission's tree."""

from mlperf_home.submission.assemble.collect import AssembleError, FoundResult, Order, Skipped, find_results
from mlperf_home.submission.assemble.generate import Assembled, generate

__all__ = ["AssembleError", "Assembled", "FoundResult", "Order", "Skipped", "find_results", "generate"]
