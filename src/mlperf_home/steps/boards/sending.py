"""A bundle to a board: verified here first, shown, and sent after a consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.bundle import MANIFEST
from mlperf_home.challenges.bundles.problems import grouped
from mlperf_home.challenges.verification.confinement import verify_confined
from mlperf_home.contracts.leaderboard.limits import MOST_BYTES
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.sending.destination import SendingError, destination_of
from mlperf_home.leaderboard.sending.disclosure import disclosure, name_in
from mlperf_home.leaderboard.sending.git_branch import push_bundle
from mlperf_home.leaderboard.sending.service_client import ServiceClient
from mlperf_home.steps.boards.consent import require_consent
from scriptgraph.api import StepFailed
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.challenges.verification.verification import VerifiedBundle
    from mlperf_home.contracts.leaderboard.service import UploadStatus
    from scriptgraph.api import Context

_MINUTE_S = 60.0
_CONSENT = "CM_SEND_CONSENT"


def send_bundle(context: Context) -> dict[str, str]:
    """Send a bundle, and return the step's exports.

    Raises:
        LocatedError: the bundle or the destination cannot be used, or the receiver refuses it.
        StepFailed: the user does not consent, or a board would refuse the bundle.
    """
    archive, destination = context.existing("CM_CHALLENGE_BUNDLE"), destination_of(context.text("CM_SEND_TO"))
    if archive.stat().st_size > MOST_BYTES:
        raise SendingError(archive, f"has more than {MOST_BYTES >> 20} MiB", "no board takes it")
    verified = verify_confined(archive, context.output / "bundle")
    if verified.problems:
        causes = grouped((each.file, each.problem) for each in verified.problems)
        raise SendingError(
            archive, f"a board would refuse it: {causes[0]}", "cm run script --tags=verify,bundle tells more"
        )
    context.table("The receiver learns, and may publish", disclosure(verified, archive, destination))
    if destination.is_open_to_listeners:
        context.warn(f"{destination.address} is not encrypted: others on the way can read and change what is sent")
    require_consent(context, _CONSENT, f"Send the bundle to {printable_name(destination.address)}?", "nothing was sent")
    if destination.kind == "git":
        return _to_git(context, destination.address, archive, verified)
    return _to_service(context, destination.address, archive)


def _to_service(context: Context, base: str, archive: Path) -> dict[str, str]:
    digest = sha256_of(archive)
    client = ServiceClient(base, lambda sent, total: context.progress("sent", sent, total), context.warn)
    status = client.send(archive, digest)
    context.say("sent; it is being verified" if status.state in {"queued", "taken"} else "the board knew it already")
    if minutes := context.number("CM_SEND_WAIT_MIN"):
        status = client.wait(digest, minutes * _MINUTE_S)
    page = f"{base}/{status.page}"
    if status.state in {"refused", "set aside"}:
        raise StepFailed(f"{page}: it is {status.state}: {printable_name(status.reason)}")
    return _shown_result(context, base, page, status)


def _shown_result(context: Context, base: str, page: str, status: UploadStatus) -> dict[str, str]:
    results = [f"{base}/{each}" for each in status.results]
    for each in results[:3]:
        context.say(f"a result: {printable_name(each)}")
    context.say(f"its state, {status.state}: {printable_name(page)}")
    return {"CM_SEND_PAGE": page, "CM_SEND_STATE": status.state, "CM_SEND_RESULT": results[0] if results else ""}


def _to_git(context: Context, url: str, archive: Path, verified: VerifiedBundle) -> dict[str, str]:
    digest = sha256_of(verified.root / MANIFEST)
    author = name_in(verified).partition(",")[0]
    sent = push_bundle(context.command, url, archive, digest, author, context.output / "clone")
    if not sent.name:
        context.say(f"{url} has the bundle already")
    else:
        had = "" if sent.new else "had already been "
        context.say(f"{had}pushed to the branch {sent.name}; open a pull request from it: {sent.open}")
    return {"CM_SEND_PAGE": sent.open, "CM_SEND_STATE": "pushed", "CM_SEND_BRANCH": sent.name}
