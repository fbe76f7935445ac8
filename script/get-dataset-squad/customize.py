"""Locate the questions: the user's own, the sample's, or downloaded ones."""

from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Choose the user's own file, else the sample's, else the downloaded one."""
    if context.path("CM_DATASET_PATH") is not None:
        path = context.existing("CM_DATASET_PATH")
        return Done(exports={"CM_DATASET_SQUAD_VAL_PATH": path, "CM_DATASET_SQUAD_NAME": path.stem})
    if context.flag("CM_DATASET_SAMPLE"):
        return Done(exports={"CM_DATASET_SQUAD_NAME": "sample-squad"})
    return Done(exports={"CM_DATASET_SQUAD_VAL_PATH": context.text("CM_DOWNLOAD_PATH")})
