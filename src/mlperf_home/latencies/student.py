"""Student's t without SciPy, which the plain installation lacks."""

from __future__ import annotations

import math
from functools import lru_cache


def student_tail(value: float, degrees: int) -> float:
    """Return the chance that Student's t exceeds a value: the finite series of Abramowitz and Stegun, 26.7.3 and 4."""
    angle = math.atan(value / math.sqrt(degrees))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = degrees % 2 == 1
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for step in range(3 if odd else 2, degrees + 1, 2):
        total += term
        term *= cosine**2 * (step - 1) / step
    area = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return (1 - area) / 2


@lru_cache(maxsize=1024)
def student_quantile(risk: float, degrees: int) -> float:
    """Return the value that Student's t exceeds with the chance `risk`, below a half."""
    low, high = 0.0, 1.0
    while student_tail(high, degrees) > risk:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_tail(middle, degrees) > risk else (low, middle)
    return high
