"""Select the fastest engine for BERT, with its model."""

from mlperf_home.steps.bert_trial import run_trial
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Run the trial, or use the kept one of the same engines, models and cores; show it."""
    selection, path = run_trial(context)
    winner = selection.winner
    context.table(
        "Engines tried",
        [
            (each.name, words)
            for each in selection.tried
            for words in [_words(each.samples_per_second, each.share, each.accuracy, each.precision) or each.left_out]
        ],
    )
    context.say(f"{winner.name}: {selection.certainty}")
    return Done(
        exports={
            "CM_MLPERF_CHOSEN_BACKEND": winner.backend,
            "CM_MLPERF_CHOSEN_VARIATION": winner.variation,
            "CM_MLPERF_SELECTION_PATH": path,
        }
    )


def _words(rate: float | None, share: float | None, accuracy: str, precision: str) -> str:
    if rate is None or share is None:
        return ""
    return "  ".join(filter(None, (f"{rate:10.2f} samples/s", f"{share:5.2f}", precision, accuracy)))
