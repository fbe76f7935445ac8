"""The description of the service's interface for programs (OpenAPI 3.1), with examples."""

from __future__ import annotations

from typing import Any

from mlperf_home.contracts.codec import schema_of
from mlperf_home.contracts.leaderboard.limits import MOST_BYTES
from mlperf_home.contracts.leaderboard.service import ServiceFault, UploadStatus

_DIGEST = "3f1c" + 58 * "0" + "9a"
_QUEUED = {
    "schema": "mlperf-home/upload/1", "upload": _DIGEST, "state": "queued", "received": 1048576,
    "page": f"uploads/{_DIGEST}", "received_utc": "2026-12-01T16:00:00+00:00", "before": 2,
}  # fmt: skip
_PUBLISHED = {
    **_QUEUED, "state": "published", "before": 0, "ended_utc": "2026-12-01T16:00:09+00:00", "bundle": "a" * 64,
    "receipt": 17, "results": ["result/0123456789abcdef-5c1f0a72.html"],
}  # fmt: skip
_INCOMPLETE = {
    "schema": "mlperf-home/upload/1", "upload": _DIGEST, "state": "incomplete", "received": 524288,
    "page": f"uploads/{_DIGEST}",
}  # fmt: skip
_REFUSED = {
    **_QUEUED,
    "state": "refused",
    "before": 0,
    "reason": "it holds samples, and this is a board of real results",
}
_FAULTS = {
    "400": ("announces one length and brings another", "Content-Range and Content-Length do not fit"),
    "404": ("names nothing that is known", "no such upload is known"),
    "408": ("brought no byte for a minute", "no byte came for 60 s"),
    "409": ("is sent by another connection", "another connection sends this upload"),
    "411": ("has no Content-Length", "the request does not tell its length"),
    "413": (f"is larger than {MOST_BYTES} bytes; nothing was read", "it has more than 256 MiB"),
    "416": ("begins at another byte than the next", "524288 bytes have arrived, and these begin at 0"),
    "422": ("has another SHA-256; nothing is kept", "its SHA-256 is not the one in the address"),
    "429": (
        "comes after too many from this address; see Retry-After",
        "this address has sent 60 uploads within an hour",
    ),
    "503": ("finds the service too busy; see Retry-After", "the service is too busy"),
    "507": ("finds no room; see Retry-After", "too many uploads wait"),
}


def description(board: str) -> dict[str, Any]:
    """Return the description of the interface of a board's service."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{board}: a board of measured results",
            "version": "1",
            "description": "Not verified by MLCommons. Nobody signs in: the signature in a bundle is the identity.",
        },
        "paths": {
            "/api/v1/uploads/{digest}": {
                "parameters": [_digest_parameter()],
                "put": _put(),
                "get": {
                    "summary": "The state of an upload",
                    "responses": {"200": _statuses(("published", _PUBLISHED), ("refused", _REFUSED)), **_faults("404")},
                },
            },
            "/api/v1/openapi.json": {"get": {"summary": "This description", "responses": {"200": _text("JSON")}}},
            "/uploads/{digest}": {
                "parameters": [_digest_parameter()],
                "get": {"summary": "The state of an upload as a page", "responses": {"200": _text("a page")}},
            },
            "/health": {
                "get": {
                    "summary": "Whether uploads are received and verified",
                    "responses": {"200": _text("they are"), "503": _text("the reason why not")},
                }
            },
            "/metrics": {"get": {"summary": "Figures", "responses": {"200": _text("Prometheus' text format")}}},
        },
        "components": {"schemas": {"Upload": _plain(UploadStatus), "Fault": _plain(ServiceFault)}},
    }


def _put() -> dict[str, Any]:
    text = (
        "Send a bundle, or the rest of one. Repeating it is harmless. A bundle that is cut off goes on where it was: "
        "ask for its state, then send the bytes from `received` on, with Content-Range."
    )
    content_range = {"name": "Content-Range", "in": "header", "schema": {"type": "string"}}
    return {
        "summary": "Send a bundle",
        "description": text,
        "parameters": [{**content_range, "example": "bytes 524288-1048575/1048576"}],
        "requestBody": {
            "required": True,
            "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {
            "200": _statuses(("known", _PUBLISHED)),
            "201": _statuses(("queued", _QUEUED)),
            "202": _statuses(("incomplete", _INCOMPLETE)),
            **_faults(*_FAULTS),
        },
    }


def _digest_parameter() -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    text = "SHA-256 of the archive"
    return {"name": "digest", "in": "path", "required": True, "description": text, "schema": schema, "example": _DIGEST}


def _statuses(*examples: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    content = {
        "schema": {"$ref": "#/components/schemas/Upload"},
        "examples": {name: {"value": value} for name, value in examples},
    }
    return {"description": "The state of the upload", "content": {"application/json": content}}


def _faults(*codes: str) -> dict[str, Any]:
    return {
        code: {
            "description": f"The request {_FAULTS[code][0]}.",
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Fault"},
                    "example": {"error": _FAULTS[code][1], "advice": "try again later"},
                }
            },
        }
        for code in codes
    }


def _text(words: str) -> dict[str, Any]:
    return {"description": words[:1].upper() + words[1:]}


def _plain(kind: type) -> dict[str, Any]:
    """Return the schema of one document, without references of its own."""
    schema = schema_of(kind)
    return dict(schema["$defs"][kind.__name__])
