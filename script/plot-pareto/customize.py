"""Draw measurements with their Pareto front."""

from pathlib import Path

from mlperf_home.contracts.codec import parse_document
from mlperf_home.contracts.studies.picture import PictureDrawn
from mlperf_home.errors import LocatedError
from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.experiments.picture_data import (
    MarkSource,
    from_experiment,
    from_results,
    from_shipped,
    from_table,
    make_picture,
    result_files,
)
from mlperf_home.measurements.prices import Prices, kept_prices
from mlperf_home.pictures.picture import PictureError, to_json
from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome, failing_on
from scriptgraph.files.atomic import replace_text


def preprocess(context: Context) -> Outcome:
    """Gather marks in this process, and draw them in the environment with the libraries."""
    out = context.output_path("CM_PLOT_OUT_DIR", Path.cwd() / "pareto")
    with failing_on(LocatedError):
        sources = _sources(context)
        words = (context.text(key, "") for key in ("CM_PLOT_X", "CM_PLOT_Y", "CM_PLOT_TITLE"))
        picture = make_picture(sources, *words)
    path = context.output / "picture.json"
    replace_text(path, to_json(picture))
    lines: list[str] = []
    run_module(
        context.command,
        [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")],
        ["mlperf_home.pictures", "--picture", path, "--out", out],
        on_line=lines.append,
    )
    drawn = parse_document(lines[-1], PictureDrawn, "the last line of the drawing's output")
    title = "SAMPLE, no MLPerf results" if picture.sample else "Pareto front"
    rows = [("points", f"{drawn.marks}, {drawn.front} on a front"), ("notes", "; ".join(picture.notes) or "none")]
    context.table(title, [*rows, ("page", str(out / "pareto.html")), ("picture", str(out / "pareto.svg"))])
    return Done(exports={"CM_PLOT_PATH": out / "pareto.html"})


def _sources(context: Context) -> list[MarkSource]:
    results, table = context.path("CM_MLPERF_RESULTS_DIR"), context.path("CM_PLOT_IMPORTED")
    published, prices = context.text("CM_PLOT_PUBLISHED", ""), kept_prices(context.folders.state.parent)
    sources = _from_experiments(context, prices, required=not (results or table or published))
    # With both --experiments_dir and --results_dir, one of the two may be empty.
    enough = sources and context.path("CM_MLPERF_EXPERIMENTS_DIR")
    if results and (result_files(results) or not enough):
        sources += from_results(results, prices)
    for path in [table] if table else []:
        sources += from_table(path, prices)
    if published:
        sources += from_shipped(published, prices)
    return sources


def _from_experiments(context: Context, prices: Prices | None, *, required: bool) -> list[MarkSource]:
    """Gather the named experiments; without names all of them, if there is a folder option or no other source."""
    folder = context.path("CM_MLPERF_EXPERIMENTS_DIR")
    name, tags = context.text("CM_PLOT_EXPERIMENT", ""), context.text("CM_PLOT_EXPERIMENT_TAGS", "")
    experiments = Experiments(folder or context.folders.state.parent / "experiments")
    damages: list[str] = []
    found: list[Experiment] = [experiments.load(name)] if name else []
    if tags or ((required or folder) and not name):
        found += experiments.find(tags.split(",") if tags else (), damages)
    if not found and (tags or required):
        raise PictureError(experiments.root, "has no such experiment", "run one, or use --results_dir")
    sources = [source for each in found for source in from_experiment(each, damages, prices)]
    for damage in experiments.not_yet_reported(damages):
        context.warn(damage)
    return sources
