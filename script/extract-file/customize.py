"""Extract an archive into the cache."""

from scriptgraph.api import ArchiveError, Context, Done, Outcome, RecordedHashes, StepFailed, compute_hashes, extract


def fingerprint(context: Context) -> str:
    """Return the archive's size and time; its path may hold another archive later."""
    stat = context.existing("CM_EXTRACT_FILEPATH").stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def preprocess(context: Context) -> Outcome:
    """Unpack the archive, and find the requested member."""
    archive = context.existing("CM_EXTRACT_FILEPATH")
    folder = context.output / "extracted"
    try:
        extract(archive, folder)
    except ArchiveError as error:
        # Only files without a published hash are recorded; another download of one may differ.
        recorded, digest = RecordedHashes.of_user(context.folders.state), compute_hashes(archive, ["sha256"])
        if recorded.refuse(str(digest["sha256"])):
            raise StepFailed(f"{error}; it has no published hash; repeat the command to fetch it again") from error
        raise
    exports = {"CM_EXTRACT_EXTRACTED_PATH": folder}
    member = context.text("CM_EXTRACT_MEMBER", "")
    if member:
        found = sorted(
            path for path in folder.rglob("*") if path.name == member or str(path.relative_to(folder)) == member
        )
        if len(found) != 1:
            names = ", ".join(sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))[:10])
            raise StepFailed(f"{archive}: has {len(found)} files named {member}; its files are {names or 'none'}")
        exports["CM_EXTRACT_MEMBER_PATH"] = found[0]
    return Done(exports=exports)
