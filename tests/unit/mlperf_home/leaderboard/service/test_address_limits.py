"""An address may send so many uploads in an hour, and so many at a time."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest

pytest.importorskip("starlette", reason="Starlette is not installed in this Python")
from mlperf_home.leaderboard.service.web.address_limits import AddressLimits
from mlperf_home.leaderboard.service.web.faults import FaultAnswer


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def admitted(limits: AddressLimits, address: str, count: int) -> int:
    """Return how many of `count` uploads are admitted, one after the other."""
    found = 0
    for _ in range(count):
        with suppress(FaultAnswer), limits.admitted(address):
            found += 1
    return found


def test_an_hour_brings_as_many_uploads_again() -> None:
    clock = Clock()
    limits = AddressLimits(6, 10, clock)

    assert admitted(limits, "192.0.2.1", 1000) == 6
    assert admitted(limits, "192.0.2.2", 3) == 3
    clock.now_s += 601
    assert admitted(limits, "192.0.2.1", 10) == 1
    clock.now_s += 36_000
    assert admitted(limits, "192.0.2.1", 10) == 6


def test_a_refusal_tells_when_to_come_again() -> None:
    limits = AddressLimits(6, 10, Clock())
    admitted(limits, "192.0.2.1", 6)

    with pytest.raises(FaultAnswer) as caught, limits.admitted("192.0.2.1"):
        pass

    assert caught.value.retry_s == 600
    assert caught.value.status == 429


def test_a_network_of_ipv6_is_one_address() -> None:
    limits = AddressLimits(2, 10, Clock())

    assert admitted(limits, "2001:db8::1", 1) == 1
    assert admitted(limits, "2001:db8::ffff:2", 5) == 1
    assert admitted(limits, "2001:db8:0:1::1", 1) == 1


def test_uploads_at_a_time_are_limited_and_set_free() -> None:
    limits = AddressLimits(100, 2, Clock())
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(limits.admitted("192.0.2.1"))
        assert admitted(limits, "192.0.2.1", 1) == 0
        assert admitted(limits, "192.0.2.9", 1) == 1
    assert admitted(limits, "192.0.2.1", 1) == 1


def test_a_flood_of_addresses_takes_bounded_memory() -> None:
    limits = AddressLimits(1, 1, Clock())
    for number in range(12_000):
        admitted(limits, f"10.0.{number // 250}.{number % 250}", 1)

    assert len(limits._buckets) == 10_000
