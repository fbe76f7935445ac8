"""Extract an archive into the cache."""

from scriptgraph.api import Context, Done, Outcome, StepFailed
from scriptgraph.fetch.archive import extract


def fingerprint(context: Context) -> str:
    """Size and time of the archive: at the same path there may be another one tomorrow."""
    stat = context.existing("CM_EXTRACT_FILEPATH").stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def preprocess(context: Context) -> Outcome:
    """Unpack, and find the member that is wanted."""
    archive = context.existing("CM_EXTRACT_FILEPATH")
    folder = context.output / "extracted"
    extract(archive, folder)
    exports = {"CM_EXTRACT_EXTRACTED_PATH": folder}
    member = context.text("CM_EXTRACT_MEMBER", "")
    if member:
        found = sorted(
            path for path in folder.rglob("*") if path.name == member or str(path.relative_to(folder)) == member
        )
        if len(found) != 1:
            held = ", ".join(sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))[:10])
            raise StepFailed(f"{archive}: holds {len(found)} files named {member}; it holds {held or 'nothing'}")
        exports["CM_EXTRACT_MEMBER_PATH"] = found[0]
    return Done(exports=exports)
