"""The options of an exploration: its space, the settings of the race, its searcher.

They are read before anything is fetched, and again for the plan. The space is a built-in one, with fewer models or more
axes, or the user's JSON file.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mlperf_home.contracts.codec import parse_document
from mlperf_home.contracts.studies.race import Settings, without_checks
from mlperf_home.contracts.studies.space import SPACE_LIMITS, SpaceConstraint, SpaceDocument
from mlperf_home.contracts.studies.study import SEARCHERS
from mlperf_home.engines.registry import NAMES
from mlperf_home.exploration.definition.space import SpaceError, decode_space, make_space
from mlperf_home.exploration.live.jobs import BACKEND, check_axes
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import shipped_results
from scriptgraph.api import Context, StepFailed
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import read_json
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.contracts.studies.space import AxisValue

OPENVINO, ARITHMETIC = "openvino", "arithmetic"
# Models that are made for OpenVINO, by the name of the space.
_FOR_OPENVINO = {"berts": "nncf-int8", "sample_berts": "nncf-int8"}
# The environment key of each axis that the command line may add.
_ADDED = {
    "backend": "CM_EXPLORE_BACKENDS",
    "threads": "CM_EXPLORE_THREADS",
    "xnnpack": "CM_EXPLORE_XNNPACK",
    ARITHMETIC: "CM_EXPLORE_ARITHMETIC",
    "batch": "CM_EXPLORE_BATCH",
    "streams": "CM_EXPLORE_STREAMS",
    "lengths": "CM_EXPLORE_LENGTHS",
}
WITHOUT_DATASET = "CM_EXPLORE_WITHOUT_DATASET"
_DATASET_OPTIONS = {
    "imagenet_path": "IMAGENET_PATH",
    "labels_path": "CM_DATASET_IMAGENET_LABELS",
    "dataset_size": "CM_DATASET_SIZE",
    "full_accuracy": "CM_EXPLORE_FULL_ACCURACY",
}
_AXES = ("family", "multiplier", "resolution", "precision")
_COUNTS = ("threads", "batch", "streams")
_SEPARATOR = {"lengths": ";"}
"""Lists of lengths have commas, so several lists are separated by semicolons."""


def read_space(context: Context) -> SpaceDocument:
    """Return the space of the options.

    Raises:
        SpaceError: the user's file is not a space, an axis has an unusable value, or no point is left.
    """
    path = context.path("CM_EXPLORE_SPACE_FILE")
    where = str(path) if path else "the space"
    document = _read_file(context.existing("CM_EXPLORE_SPACE_FILE"), where) if path else _builtin_space(context)
    added = {axis: values for axis, key in _ADDED.items() if (values := _values(context, axis, key))}
    document = replace(document, axes={**document.axes, **added})
    document = _for_openvino(document, context, own=path is not None)
    space = make_space(document, where)
    check_axes(space, where)
    for backend in space.axes.get(BACKEND, ()):
        if backend is not None and backend not in NAMES:
            raise SpaceError(f"{where}: axes/{BACKEND}", f"there is no engine {backend!r}", f"use {', '.join(NAMES)}")
    known = [*models_of(known_space(_name(context))), *_made_models(context)]
    models = dict.fromkeys(point.model for point in space.points)
    if unknown := [model for model in models if model not in known]:
        advice = f"use axes whose values form models such as {', '.join(sorted(known)[:3])}"
        raise SpaceError(where, f"there is no model {unknown[0]!r}", advice)
    return document


def _for_openvino(document: SpaceDocument, context: Context, *, own: bool) -> SpaceDocument:
    """Return a space with OpenVINO's own models, unless it is the user's, and its arithmetic for itself alone."""
    axes, constraints = dict(document.axes), document.constraints
    backends = tuple(axes.get(BACKEND, (context.text("CM_MLPERF_BACKEND"),)))
    if not own and OPENVINO in backends and (model := _FOR_OPENVINO.get(_name(context))):
        axes["model"] = tuple(dict.fromkeys((*axes["model"], model)))
    others = tuple(each for each in backends if each != OPENVINO)
    if ARITHMETIC in axes and others and BACKEND in axes:
        values = tuple(each for each in axes[ARITHMETIC] if each is not None)
        axes[ARITHMETIC] = (None, *values)
        constraints = (
            *constraints,
            SpaceConstraint(when={BACKEND: others}, only={ARITHMETIC: (None,)}),
            SpaceConstraint(when={BACKEND: (OPENVINO,)}, only={ARITHMETIC: document.axes[ARITHMETIC]}),
        )
    return replace(document, axes=axes, constraints=constraints)


def _read_file(path: Path, where: str) -> SpaceDocument:
    try:
        value = read_json(path, SPACE_LIMITS, unique=True)
    except DocumentError as error:
        raise SpaceError(where, error.problem, "correct it") from None
    return decode_space(value, where)


def models_of(document: SpaceDocument) -> list[str]:
    """Return the models of a space, each once, in the order of the points."""
    return list(dict.fromkeys(point.model for point in make_space(document, "the space").points))


def most_telling(models: Sequence[str], count: int, *, sample: bool) -> list[str]:
    """Return the models that tell most about the others' latencies, by the crowd's order.

    Raises:
        PublishedTableError: the shipped results are damaged.
    """
    known = set(models)
    return [model for model in shipped_results("sample" if sample else "images").probes if model in known][:count]


def _made_models(context: Context) -> list[str]:
    """Return the models that are made for OpenVINO, by their names in a space."""
    name = _name(context)
    return [f"{known_space(name).axes['family'][0]}/{_FOR_OPENVINO[name]}"] if name in _FOR_OPENVINO else []


def backends_of(document: SpaceDocument, default: str) -> list[str]:
    """Return the backends of a space's points, with `default` for points without a backend of their own."""
    values = document.axes.get(BACKEND, (None,))
    return list(dict.fromkeys(default if value is None else str(value) for value in values))


def _name(context: Context) -> str:
    kind = "berts" if context.text("CM_MLPERF_BENCHMARK", "resnet") == "bert-99" else "mobilenets"
    return f"sample_{kind}" if context.flag("CM_DATASET_SAMPLE") else kind


def _builtin_space(context: Context) -> SpaceDocument:
    document = known_space(_name(context))
    axes = document.axes
    families, precision = context.text("CM_MLPERF_MODELS", "all"), context.text("CM_MLPERF_MODELS_PRECISION", "all")
    only: dict[str, tuple[AxisValue, ...]] = {}
    if families != "all":
        only["family"] = tuple(each for each in axes["family"] if families in str(each))
    if precision != "all":
        floats = {row.model.rpartition("/")[2] for row in read_classifiers() if row.weights == "fp32"}
        only["precision"] = tuple(each for each in axes["precision"] if (each in floats) == (precision == "fp32"))
    if not only:
        return document
    suffix = "-".join(word for word in (families, precision) if word != "all")
    constraints = (*document.constraints, SpaceConstraint(when={}, only=only))
    return replace(document, constraints=constraints, name=f"{document.name}-{suffix}")


def _values(context: Context, axis: str, key: str) -> tuple[AxisValue, ...]:
    words = [word.strip() for word in context.text(key, "").split(_SEPARATOR.get(axis, ",")) if word.strip()]
    counts = axis in _COUNTS
    return tuple(None if word == "default" else whole_number(word) if counts else word for word in words)


def race_settings(context: Context) -> Settings:
    """Return the settings of the race, with the user's options.

    Raises:
        StepFailed: an option is out of range.
    """
    without_dataset = context.flag(WITHOUT_DATASET)
    official = "none" if without_dataset else Settings.official
    options: dict[str, Any] = {
        "risk": context.number("CM_EXPLORE_RISK"),
        "rounds": context.whole("CM_EXPLORE_ROUNDS"),
        "round_spacing_s": context.number("CM_EXPLORE_ROUND_SPACING_S"),
        "first_probe_s": context.number("CM_EXPLORE_PROBE_S"),
        "official": context.text("CM_EXPLORE_OFFICIAL", official),
        "full_accuracy": context.flag("CM_EXPLORE_FULL_ACCURACY"),
        "seed": context.whole("CM_EXPLORE_SEED"),
    }
    try:
        settings = Settings(**{name: value for name, value in options.items() if value is not None})
        return without_checks(settings) if without_dataset else settings
    except ValueError as error:
        raise StepFailed(f"the exploration's options: {error}") from None


def check_without_dataset(context: Context) -> None:
    """Check that no option needs the dataset that `--without_dataset` does without.

    Raises:
        StepFailed: an option does.
    """
    if not context.flag(WITHOUT_DATASET):
        return
    for option, key in _DATASET_OPTIONS.items():
        if context.text(key, ""):
            raise StepFailed(f"--{option}: conflicts with --without_dataset; leave one of them out")
    if context.text("CM_DATASET_IMAGENET_RECIPE", "published") != "published" and not context.flag("CM_DATASET_SAMPLE"):
        raise StepFailed("--recipe: conflicts with --without_dataset; accuracies are copied as published")
    if context.text("CM_EXPLORE_SEARCHER", "race") != "race":
        raise StepFailed("--searcher: conflicts with --without_dataset; only the race does without accuracy runs")


def read_searcher(context: Context) -> tuple[str, float | None]:
    """Return the searcher, and its budget in seconds; None for the race.

    Raises:
        StepFailed: the searcher is unknown, or has no budget, or the race has one.
    """
    searcher, budget_s = context.text("CM_EXPLORE_SEARCHER", "race"), context.number("CM_EXPLORE_BUDGET_S")
    if searcher not in SEARCHERS:
        raise StepFailed(f"--searcher={searcher}: must be one of {', '.join(SEARCHERS)}")
    if searcher == "race":
        if budget_s is not None:
            raise StepFailed("--budget: the race ends by itself; use it with --searcher=tpe or nsga2")
        return searcher, None
    if budget_s is None or budget_s <= 0:
        raise StepFailed(f"--searcher={searcher}: needs --budget; set it to a number of seconds above 0")
    return searcher, budget_s


def known_space(name: str) -> SpaceDocument:
    """Return a built-in space.

    The names are mobilenets (the 81 published MobileNet and EfficientNet-Lite variants) and berts; the spaces of the
    embedded sample begin with "sample_".
    """
    if name.endswith("mobilenets"):
        return _classifier_space(name.replace("_", "-"), sample=name.startswith("sample"))
    text = resources.files(__package__).joinpath(f"{name}.json").read_text("utf-8")
    return parse_document(text, SpaceDocument, f"{name}.json")


def _classifier_space(name: str, *, sample: bool) -> SpaceDocument:
    parts = [row.model.split("/") for row in read_classifiers() if row.sample is sample]
    # A model without multipliers has no choice of resolutions either.
    models = [(family, *(size or (None, None)), precision) for family, *size, precision in parts]
    # Small before large, as on the other axes: the table lists MobileNet v3's large models first.
    models.sort(key=lambda model: [word in str(model[0]) for word in ("efficientnet", "minimalistic", "large")])
    families, *sizes, precisions = (tuple(dict.fromkeys(column)) for column in zip(*models, strict=True))
    every = [*(tuple(sorted(size, key=lambda value: float(value or 0))) for size in sizes), precisions]
    alike: dict[tuple[tuple[AxisValue, ...], ...], list[AxisValue]] = {}
    for family in families:
        columns = [*zip(*(model[1:] for model in models if model[0] == family), strict=True)]
        own = [tuple(v for v in values if v in column) for values, column in zip(every, columns, strict=True)]
        if own != every:
            alike.setdefault(tuple(own), []).append(family)
    return SpaceDocument(
        schema=1,
        name=name,
        axes=dict(zip(_AXES, [families, *every], strict=True)),
        model_axes=_AXES,
        constraints=tuple(
            SpaceConstraint(when={"family": tuple(members)}, only=dict(zip(_AXES[1:], own, strict=True)))
            for own, members in alike.items()
        ),
    )
