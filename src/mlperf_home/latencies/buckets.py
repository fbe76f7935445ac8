"""Buckets for durations in nanoseconds, as in an HDR histogram: 64 of equal width in each octave.

A bucket is at most 1/64 (1.6 %) of its values wide. Durations below 128 ns have a bucket each.
"""

from __future__ import annotations

SUB_BITS = 6
"""Each octave has 2 to this power buckets."""

BUCKETS = (64 - SUB_BITS) << SUB_BITS
"""The number of buckets for durations below 2 to the power of 63 ns, 292 years."""

WIDTH = 1 / (1 << SUB_BITS)
"""The greatest width of a bucket, as a share of its values."""


def bucket_of(duration_ns: int) -> int:
    """Return the bucket of a duration, which must not be negative."""
    octave = max(0, duration_ns.bit_length() - SUB_BITS - 1)
    return (octave << SUB_BITS) + (duration_ns >> octave)


def bounds_of(bucket: int) -> tuple[int, int]:
    """Return the least duration of a bucket, and that of the next bucket, in ns."""
    octave = max(0, (bucket >> SUB_BITS) - 1)
    least = (bucket - (octave << SUB_BITS)) << octave
    return least, least + (1 << octave)
