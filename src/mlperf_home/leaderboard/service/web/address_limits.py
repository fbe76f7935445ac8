"""How many uploads an address may send: a bucket of tokens each, and so many at a time."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.service.web.faults import FaultAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOUR_S = 3600.0
_MOST_ADDRESSES = 10_000
_NETWORK_BITS = 64
_BUSY_S = 5.0


class AddressLimits:
    """The uploads of each address; an IPv6 network of 64 bits counts as one."""

    def __init__(self, per_hour: int, at_once: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_hour, self._at_once, self._now = per_hour, at_once, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._busy: Counter[str] = Counter()

    @contextmanager
    def admitted(self, address: str) -> Iterator[None]:
        """Count an upload while it is received.

        Raises:
            FaultAnswer: the address has sent too many.
        """
        who = _who(address)
        if self._busy[who] >= self._at_once:
            advice = "wait until one of them has ended"
            raise FaultAnswer(429, f"{self._at_once} uploads arrive from this address already", advice, _BUSY_S)
        self._take_token(who)
        self._busy[who] += 1
        try:
            yield
        finally:
            self._busy[who] -= 1
            if not self._busy[who]:
                del self._busy[who]

    def _take_token(self, who: str) -> None:
        now = self._now()
        tokens, then = self._buckets.pop(who, (float(self._per_hour), now))
        tokens = min(float(self._per_hour), tokens + (now - then) * self._per_hour / _HOUR_S)
        enough = tokens >= 1.0
        self._buckets[who] = (tokens - enough, now)
        while len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        if not enough:
            wait_s = (1.0 - tokens) * _HOUR_S / self._per_hour
            problem = f"this address has sent {self._per_hour} uploads within an hour"
            raise FaultAnswer(429, problem, "try again later, or send one bundle with all results", wait_s)


def _who(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:  # noqa: PLR2004 - the version of IP
        return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))
    return str(parsed)
