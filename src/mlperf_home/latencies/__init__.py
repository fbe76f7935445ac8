"""Latencies that the harness keeps: compact blocks of time, intervals, states of the machine, and a picture."""
