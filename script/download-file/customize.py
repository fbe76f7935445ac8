"""Download a file: check it, resume it, and try its sources in order."""

from urllib.parse import unquote, urlsplit

from scriptgraph import api
from scriptgraph.api import Context, Done, Download, Outcome, StepFailed, is_plain_name


def downloads(context: Context) -> list[Download]:
    """Return the file to fetch."""
    urls, size = _urls(context), context.whole("CM_DOWNLOAD_SIZE_BYTES")
    return [Download(_name(context, urls), tuple(urls), size, tuple(_digests(context)))]


def verify(context: Context) -> bool:
    """Whether the file may be reused: it has a published hash, or no failure to unpack is recorded."""
    return bool(_digests(context)) or not api.RecordedHashes.of_user(context.folders.state).refused(
        context.text("CM_DOWNLOAD_SHA256", "")
    )


def preprocess(context: Context) -> Outcome:
    """Fetch into the cache; accept a file without a known hash only with --record."""
    urls, digests = _urls(context), _digests(context)
    recorded, record = api.RecordedHashes.of_user(context.folders.state), context.flag("CM_DOWNLOAD_RECORD")
    earlier = recorded.find(urls) if record and not digests else None
    name = _name(context, urls)
    brought = context.folders.user_downloads / name
    fetched = api.fetch(
        [*([brought] if brought.is_file() else []), *urls],
        context.output / name,
        api.Expected([*digests, earlier] if earlier else digests, context.whole("CM_DOWNLOAD_SIZE_BYTES"), record),
        api.TransferOptions(
            partial_dir=context.folders.partial,
            mirrors=context.switches.mirrors,
            offline=context.switches.offline,
            progress=lambda done, total: context.progress(name, done, total),
        ),
    )
    if record and not digests:
        recorded.keep(urls, fetched.sha256)
        context.say(f"{name}: no hash is published; {fetched.sha256} is {'as recorded' if earlier else 'recorded'}")
    return Done(
        exports={
            "CM_DOWNLOAD_PATH": fetched.path,
            "CM_DOWNLOAD_DOWNLOADED_PATH": fetched.path,
            "CM_DOWNLOAD_SHA256": fetched.sha256,
            "CM_DOWNLOAD_SOURCE": fetched.source,
        }
    )


def _urls(context: Context) -> list[str]:
    urls = _listed(context, "CM_DOWNLOAD_URL")
    if not urls:
        raise StepFailed("download-file: has no URL; pass the file's with --url")
    return urls


def _digests(context: Context) -> list[str]:
    md5 = context.text("CM_DOWNLOAD_MD5", "")
    return _listed(context, "CM_DOWNLOAD_HASHES") + ([f"md5:{md5}"] if md5 else [])


def _listed(context: Context, key: str) -> list[str]:
    if isinstance(value := context.value(key), tuple):
        return [part for part in value if part]
    # A single URL may contain a comma; the hashes of one text are separated by commas.
    text = str(value or "")
    return [text] if text and (key == "CM_DOWNLOAD_URL" or "," not in text) else [p for p in text.split(",") if p]


def _name(context: Context, urls: list[str]) -> str:
    if filename := context.name("CM_DOWNLOAD_FILENAME", ""):
        return filename
    name = unquote(urlsplit(urls[0]).path).rstrip("/").rpartition("/")[2]
    if not is_plain_name(name):
        raise StepFailed(f"{urls[0]}: has no file name; pass one with --filename")
    return name
