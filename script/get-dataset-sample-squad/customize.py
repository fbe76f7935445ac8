"""Make the embedded sample of questions."""

from mlperf_home.datasets.sample import write_sample
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Generate the questions and the vocabulary; the same seed gives the same bytes everywhere."""
    sample = write_sample(context.output, questions=context.whole("CM_SAMPLE_QUESTIONS"))
    return Done(exports={"CM_DATASET_SQUAD_VAL_PATH": sample.dataset, "CM_DATASET_SQUAD_VOCAB_PATH": sample.vocabulary})
