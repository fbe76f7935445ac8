"""Download one file by torrent with the program aria2c."""

import re
import shutil
from pathlib import Path

from scriptgraph.api import Context, Done, Download, Outcome, StepFailed, parse_digests, verify_hashes

# Its pages are no torrents, but their addresses tell the torrent's hash.
_PAGE = re.compile(r"https?://(?:www\.)?academictorrents\.com/(?:details|download)/([0-9a-fA-F]{40})(?:\.torrent)?/?")


def downloads(context: Context) -> list[Download]:
    """Tell the file that would be fetched; from which hosts is not known before."""
    name = context.name("CM_TORRENT_DOWNLOADED_FILE_NAME")
    brought = (context.folders.user_downloads / name).is_file()
    return [] if brought else [Download(f"{name} by torrent", digests=tuple(_digests(context)))]


def preprocess(context: Context) -> Outcome:
    """Fetch beside the unfinished downloads, where aria2 goes on another time, then check and keep."""
    name = context.name("CM_TORRENT_DOWNLOADED_FILE_NAME")
    brought = context.folders.user_downloads / name
    found = brought if brought.is_file() else _fetch(context, name)
    verify_hashes(found, parse_digests(_digests(context)))
    if found == brought:
        return Done(exports={"CM_TORRENT_DOWNLOADED_PATH": brought})
    kept = context.output / name
    shutil.move(found, kept)
    return Done(exports={"CM_TORRENT_DOWNLOADED_PATH": kept})


def _fetch(context: Context, name: str) -> Path:
    torrent = context.text("CM_TORRENT")
    program = shutil.which("aria2c")
    if program is None:
        raise StepFailed(
            f"{torrent}: a torrent needs the program aria2c, which is not here; install it (on Debian and Ubuntu: "
            f"apt install aria2), or fetch {name} in another way and put it into {context.folders.user_downloads}"
        )
    page = _PAGE.fullmatch(torrent)
    source = f"magnet:?xt=urn:btih:{page.group(1).lower()}" if page else torrent
    folder = context.folders.partial / f"torrent-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    context.say(f"fetching {name} by torrent; nobody may be there to give it, which is noticed after ten minutes")
    options = ["--seed-time=0", "--bt-stop-timeout=600", "--file-allocation=none", "--summary-interval=60"]
    context.command([program, *options, f"--dir={folder}", source])
    found = sorted(path for path in folder.rglob(name) if path.is_file())
    if len(found) != 1:
        raise StepFailed(f"{torrent}: brought {len(found)} files named {name}; give the torrent of that file")
    return found[0]


def _digests(context: Context) -> list[str]:
    return [part for part in context.text("CM_TORRENT_HASHES", "").split(",") if part]
