"""Locate the vocabulary: the user's own, the sample's, or a downloaded one."""

from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Choose the user's own file, else the sample's, else the downloaded one."""
    if context.path("CM_DATASET_VOCAB_PATH") is not None:
        return Done(exports={"CM_DATASET_SQUAD_VOCAB_PATH": context.existing("CM_DATASET_VOCAB_PATH")})
    if context.flag("CM_DATASET_SAMPLE"):
        return Done()
    return Done(exports={"CM_DATASET_SQUAD_VOCAB_PATH": context.text("CM_DOWNLOAD_PATH")})
