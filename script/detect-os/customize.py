from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    return Done(exports={"CM_HOST_OS_TYPE": "linux"})
