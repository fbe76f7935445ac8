"""Draw what was measured, with the front."""

import json
from pathlib import Path

from mlperf_home.atomic import replace_text
from mlperf_home.errors import LocatedError
from mlperf_home.pictures.gathering import Source, draw_from, from_experiment, from_results, from_table
from mlperf_home.pictures.picture import PictureError, to_json
from mlperf_home.results.experiments import Experiment, Experiments
from mlperf_home.results.prices import Prices, kept_prices
from mlperf_home.runs.launch import run_module
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Gather marks here, draw them where the libraries are."""
    out = context.path("CM_PLOT_OUT_DIR") or Path.cwd() / "pareto"
    with failing_on(LocatedError):
        sources = _sources(context)
        words = (context.text(key, "") for key in ("CM_PLOT_X", "CM_PLOT_Y", "CM_PLOT_TITLE"))
        picture = draw_from(sources, *words)
    asked = context.output / "picture.json"
    replace_text(asked, to_json(picture))
    told: list[str] = []
    run_module(
        context.command,
        [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")],
        ["mlperf_home.pictures", "--picture", asked, "--out", out],
        on_line=told.append,
    )
    drawn = json.loads(next(line for line in reversed(told) if line.startswith('{"event": "drawn"')))
    marked = "SAMPLE, no MLPerf results" if picture.sample else "Pareto front"
    rows = [("points", f"{drawn['marks']}, {drawn['front']} of a front"), ("notes", "; ".join(picture.notes) or "none")]
    context.table(marked, [*rows, ("page", str(out / "pareto.html")), ("picture", str(out / "pareto.svg"))])
    return Done(exports={"CM_PLOT_PATH": out / "pareto.html"})


def _sources(context: Context) -> list[Source]:
    results, table = context.path("CM_MLPERF_RESULTS_DIR"), context.path("CM_PLOT_IMPORTED")
    prices = kept_prices(context.folders.state.parent)
    sources = [source for each in _experiments(context, prices, alone=not (results or table)) for source in each]
    for folder in [results] if results else []:
        sources += from_results(folder, prices)
    for path in [table] if table else []:
        sources += from_table(path, prices)
    return sources


def _experiments(context: Context, prices: Prices | None, *, alone: bool) -> list[list[Source]]:
    name, tags = context.text("CM_PLOT_EXPERIMENT", ""), context.text("CM_PLOT_EXPERIMENT_TAGS", "")
    experiments = Experiments(context.path("CM_MLPERF_EXPERIMENTS_DIR") or context.folders.state.parent / "experiments")
    damages: list[str] = []
    found: list[Experiment] = [experiments.load(name)] if name else []
    if tags or (alone and not name):
        found += experiments.find(tags.split(",") if tags else (), damages)
    if not found and (tags or alone):
        raise PictureError(experiments.root, "there is no such experiment", "run one, or give --results_dir")
    sources = [list(from_experiment(each, damages, prices)) for each in found]
    for damage in damages:
        context.warn(damage)
    return sources
