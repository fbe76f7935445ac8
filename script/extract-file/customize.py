"""Extract an archive into the cache."""

from scriptgraph.api import ArchiveError, Context, Done, Outcome, RecordedHashes, StepFailed, compute_hashes, extract


def fingerprint(context: Context) -> str:
    """Size and time of the archive: at the same path there may be another one tomorrow."""
    stat = context.existing("CM_EXTRACT_FILEPATH").stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def preprocess(context: Context) -> Outcome:
    """Unpack, and find the member that is wanted."""
    archive = context.existing("CM_EXTRACT_FILEPATH")
    folder = context.output / "extracted"
    try:
        extract(archive, folder)
    except ArchiveError as error:
        # Only what was taken without a published hash is recorded, and can be another file the next time.
        recorded, digest = RecordedHashes.of_user(context.folders.state), compute_hashes(archive, ["sha256"])
        if recorded.refuse(str(digest["sha256"])):
            raise StepFailed(f"{error}; no hash of it is published: the same command fetches it again") from error
        raise
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
