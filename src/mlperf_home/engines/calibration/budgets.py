"""The default times of calibrations; importing them needs no NumPy."""

OFFICIAL_S, SHORT_S, TEST_S = 240.0, 60.0, 1.0
"""Seconds: of official runs; of samples and other runs; of test runs, which last about a second themselves."""
EXPLORATION_S = 15.0
"""Seconds of each model of an exploration whose threads are open."""


def default_budget_s(style: str, *, sample: bool) -> float:
    """Return the time for the calibration of a run of this style ("valid", "fast", "sample", "test")."""
    if style == "test":
        return TEST_S
    return OFFICIAL_S if style == "valid" and not sample else SHORT_S
