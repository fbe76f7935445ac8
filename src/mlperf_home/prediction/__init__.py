"""One machine's latencies, predicted from a few of them and from a crowd's; needs NumPy and SciPy."""
