"""The request of a record, and its options overridden by typed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.manifest.decoding import decode_override
from scriptgraph.manifest.located_json import decode_value
from scriptgraph.manifest.queries import parse_query
from scriptgraph.manifest.types import Override
from scriptgraph.planning.plan import Request

if TYPE_CHECKING:
    from collections.abc import Mapping


def request_of(document: Mapping[str, Any], typed: Request) -> Request:
    """Return the request of a record, overridden by the options typed with the replay."""
    return overridden(recorded_request(document), typed)


def recorded_request(document: Mapping[str, Any]) -> Request:
    """Return the request of a record.

    The recorded run accepted the names of its overrides, some of which may have come from CM_SCRIPT_EXTRA_CMD.
    """
    recorded = document["request"]
    overrides = {name: decode_override(fields) for name, fields in recorded.get("adr", {}).items()}
    return Request(
        query=parse_query(recorded["tags"]),
        inputs={key.replace("-", "_"): decode_value(value) for key, value in recorded.get("inputs", {}).items()},
        env={key: decode_value(value) for key, value in recorded.get("env", {}).items()},
        overrides=overrides,
        argv=tuple(recorded.get("argv", ())),
        maybe=frozenset(overrides),
    )


def overridden(recorded: Request, typed: Request) -> Request:
    """Return a recorded request, overridden by the options typed with the replay."""
    under = recorded.overrides
    typed_overrides = {name: each.over(under.get(name, Override())) for name, each in typed.overrides.items()}
    return recorded.replaced(
        inputs={**recorded.inputs, **typed.inputs},
        env={**recorded.env, **typed.env},
        overrides={**under, **typed_overrides},
        maybe=typed.maybe | recorded.maybe,
    )
