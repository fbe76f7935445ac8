"""The space that a user asks for: one of ours, narrowed and with axes added, or a JSON file of theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.registry import NAMES
from mlperf_home.exploration.definition.space import Space, SpaceError, decode_space, known_space
from mlperf_home.exploration.live.axes import BACKEND, check_axes
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from scriptgraph.api import Context

# Axis -> (key, option) of what the command line may add.
_ADDED = {
    "backend": "CM_EXPLORE_BACKENDS",
    "threads": "CM_EXPLORE_THREADS",
    "xnnpack": "CM_EXPLORE_XNNPACK",
    "batch": "CM_EXPLORE_BATCH",
    "streams": "CM_EXPLORE_STREAMS",
    "lengths": "CM_EXPLORE_LENGTHS",
}
_COUNTS = ("threads", "batch", "streams")
_SEPARATOR = {"lengths": ";"}
"""Lists of lengths hold commas: several lists are set apart by semicolons."""


def asked_space(context: Context) -> dict[str, Any]:
    """Give the space as JSON.

    Raises:
        SpaceError: the user's file is none, or an axis has an odd value, or no point is left.
    """
    path = context.path("CM_EXPLORE_SPACE_FILE")
    where = str(path) if path else "the space"
    document = _read(context, where) if path else _ours(context)
    added = {axis: values for axis, key in _ADDED.items() if (values := _values(context, axis, key))}
    if isinstance(document, dict) and isinstance(document.get("axes"), dict):
        document["axes"] |= added
    space = decode_space(document, where)
    check_axes(space, where)
    for backend in space.axes.get(BACKEND, ()):
        if backend is not None and backend not in NAMES:
            raise SpaceError(f"{where}: axes/{BACKEND}", f"there is no engine {backend!r}", f"use {', '.join(NAMES)}")
    _check_models(context, space, where)
    return dict(document)


def models_of(document: dict[str, Any]) -> list[str]:
    """Name a space's models, each once, in the order of the points."""
    return list(dict.fromkeys(point.model for point in decode_space(document, "the space").points))


def backends_of(document: dict[str, Any], usual: str) -> list[str]:
    """Name the engines that a space's points run on, that of points without a backend of their own first."""
    values = document["axes"].get(BACKEND, [None])
    return list(dict.fromkeys(usual if value is None else str(value) for value in values))


def _check_models(context: Context, space: Space, where: str) -> None:
    known = {point.model for name in _names(context) for point in decode_space(known_space(name), name).points}
    odd = next((point.model for point in space.points if point.model not in known), None)
    if odd is not None:
        some = ", ".join(sorted(known)[:3])
        raise SpaceError(where, f"there is no model {odd!r}", f"name models by the axes of ours: {some}, ...")


def _names(context: Context) -> tuple[str, ...]:
    sample, bert = context.flag("CM_DATASET_SAMPLE"), context.text("CM_MLPERF_BENCHMARK", "resnet") == "bert-99"
    kind = "berts" if bert else "mobilenets"
    return (f"sample_{kind}" if sample else kind,)


def _ours(context: Context) -> dict[str, Any]:
    (name,) = _names(context)
    document = known_space(name)
    axes = document["axes"]
    families, precision = context.text("CM_MLPERF_MODELS", "all"), context.text("CM_MLPERF_MODELS_PRECISION", "all")
    only: dict[str, Any] = {}
    if families != "all":
        only["family"] = [each for each in axes["family"] if families in each]
    if precision != "all":
        floats = {"fp32", "float"}
        only["precision"] = [each for each in axes["precision"] if (each in floats) == (precision == "fp32")]
    if only:
        document["constraints"].append({"when": {}, "only": only})
        words = "-".join(word for word in (families, precision) if word != "all")
        document["name"] = f"{document['name']}-{words}"
    return document


def _read(context: Context, where: str) -> Any:
    path = context.existing("CM_EXPLORE_SPACE_FILE")
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SpaceError(where, f"is not JSON ({error})", "correct it") from None


def _values(context: Context, axis: str, key: str) -> list[Any]:
    words = [word.strip() for word in context.text(key, "").split(_SEPARATOR.get(axis, ",")) if word.strip()]
    if axis not in _COUNTS:
        return [None if word == "default" else word for word in words]
    return [_count(axis, word) for word in words]


def _count(axis: str, word: str) -> int | None:
    if word == "default":
        return None
    if not word.isdecimal() or not int(word):
        raise StepFailed(f"--{axis}: {word!r} is no whole number above 0, nor default; write for instance 1,2,4")
    return int(word)
