"""Many measurements: JSON lines that are only ever appended to, an index made from them, imports, derived metrics."""

from mlperf_home.measurements.store.expression import Expression, ExpressionError
from mlperf_home.measurements.store.index import Index, Query
from mlperf_home.measurements.store.lines import Store, StoreError

__all__ = ["Expression", "ExpressionError", "Index", "Query", "Store", "StoreError"]
