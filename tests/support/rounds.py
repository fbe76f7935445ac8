"""Rounds of reliability tests: some in every run, many by `-m long`."""

from __future__ import annotations

from typing import Any

import pytest


def rounds(always: int, long: int) -> list[Any]:
    """Return the numbers of the rounds, which are also their seeds; those from `always` on are marked long."""
    return [*range(always), *(pytest.param(number, marks=pytest.mark.long) for number in range(always, long))]
