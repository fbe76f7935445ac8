"""Requests that are not fulfilled, as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.leaderboard.service import ServiceFault

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class FaultAnswer(Exception):  # noqa: N818 - it is an answer
    """A request that is not fulfilled: status, error, advice, and the seconds after which to try again."""

    def __init__(self, status: int, error: str, advice: str, retry_s: float | None = None) -> None:
        super().__init__(status, error, advice)
        self.status, self.fault, self.retry_s = status, ServiceFault(error=error, advice=advice), retry_s


# After these, the rest of the request is not read. After others it is, since its sender reads no answer before.
_CLOSING = {400, 408, 411, 413}


async def answer_fault(_request: Request, fault: Exception) -> Response:
    """Return the answer of a fault."""
    assert isinstance(fault, FaultAnswer)  # noqa: S101 - registered for it alone
    headers = {} if fault.retry_s is None else {"Retry-After": str(max(1, round(fault.retry_s)))}
    headers |= {"Connection": "close"} if fault.status in _CLOSING else {}
    return JSONResponse(encode(fault.fault), fault.status, headers)
