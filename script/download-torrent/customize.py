"""Download a file by torrent with aria2c."""

import re
import shutil
from pathlib import Path

from scriptgraph.api import Context, Done, Download, Outcome, StepFailed, parse_digests, verify_hashes

# These pages are no torrents, but their addresses contain the torrent's hash.
_PAGE = re.compile(r"https?://(?:www\.)?academictorrents\.com/(?:details|download)/([0-9a-fA-F]{40})(?:\.torrent)?/?")


def downloads(context: Context) -> list[Download]:
    """Return the file to fetch; its hosts are unknown beforehand."""
    name = context.name("CM_TORRENT_DOWNLOADED_FILE_NAME")
    brought = (context.folders.user_downloads / name).is_file()
    return [] if brought else [Download(f"{name} by torrent", digests=tuple(_digests(context)))]


def preprocess(context: Context) -> Outcome:
    """Fetch beside the unfinished downloads, where aria2 can resume; then check the file and store it."""
    name = context.name("CM_TORRENT_DOWNLOADED_FILE_NAME")
    brought = context.folders.user_downloads / name
    downloaded = brought if brought.is_file() else _fetch(context, name)
    verify_hashes(downloaded, parse_digests(_digests(context)))
    if downloaded == brought:
        return Done(exports={"CM_TORRENT_DOWNLOADED_PATH": brought})
    stored = context.output / name
    shutil.move(downloaded, stored)
    return Done(exports={"CM_TORRENT_DOWNLOADED_PATH": stored})


def _fetch(context: Context, name: str) -> Path:
    torrent = context.text("CM_TORRENT")
    program = shutil.which("aria2c")
    if program is None:
        raise StepFailed(
            f"{torrent}: a torrent needs the program aria2c, which is not installed; install it (on Debian and Ubuntu: "
            f"apt install aria2), or fetch {name} in another way and put it into {context.folders.user_downloads}"
        )
    page = _PAGE.fullmatch(torrent)
    source = f"magnet:?xt=urn:btih:{page.group(1).lower()}" if page else torrent
    folder = context.folders.partial / f"torrent-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    context.say(f"fetching {name} by torrent; without a source it fails after ten minutes")
    options = ["--seed-time=0", "--bt-stop-timeout=600", "--file-allocation=none", "--summary-interval=60"]
    context.command([program, *options, f"--dir={folder}", source])
    found = sorted(path for path in folder.rglob(name) if path.is_file())
    if len(found) != 1:
        raise StepFailed(f"{torrent}: has {len(found)} files named {name}; pass the torrent of that file")
    return found[0]


def _digests(context: Context) -> list[str]:
    return [part for part in context.text("CM_TORRENT_HASHES", "").split(",") if part]
