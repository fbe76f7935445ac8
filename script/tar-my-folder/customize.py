"""Pack a folder."""

from mlperf_home.submission.delivery import TarballError, pack
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Pack the folder into --outfile, else beside itself."""
    folder = context.existing("CM_TAR_INPUT_DIR")
    target = context.output_path("CM_TAR_OUTFILE", folder.with_name(f"{folder.name}.tar.gz"))
    with failing_on(TarballError):
        count = pack(folder, target)
    context.say(f"{count} files in {target} ({target.stat().st_size / 1e6:.1f} MB)")
    return Done(exports={"CM_TAR_OUTFILE": target})
