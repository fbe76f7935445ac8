"""What a volunteer consents to, shown before the first run, and the options that a machine brings along."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.participation import BoardConsent
from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.leaderboard.store.board import today
from mlperf_home.steps.boards.consent import require_consent
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.leaderboard.participation.board_list import BoardList
    from mlperf_home.leaderboard.participation.choosing import ChosenRun
    from scriptgraph.api import Context

_OPTION = re.compile(r"([a-z][a-z0-9_]{0,63})=(.+)")
_SHOWN = 5


def own_options(text: str) -> dict[str, str]:
    """Read options of challenges, NAME=VALUE with commas between. Raise ParticipationError if one has another form."""
    found = {}
    for word in filter(None, text.split(",")):
        match = _OPTION.fullmatch(word)
        if match is None:
            advice = "write NAME=VALUE, such as imagenet_path=/data/imagenet"
            raise ParticipationError("--options", f"{word[:80]!r} is no option of a challenge", advice)
        found[match[1]] = match[2]
    return found


def require_taken_part(
    context: Context, address: str, found: BoardList, receiver: str, runs: Sequence[ChosenRun]
) -> BoardConsent:
    """Show what a consent means, and return it. Raise StepFailed without it."""
    kind = "samples, which are no MLPerf results" if found.wanted.sample else "real results"
    rows = [
        ("board", f"{printable_name(found.wanted.board)}, of {kind}"),
        ("its list", f"{printable_name(address)}, {f'signed by {found.key}' if found.key else 'unsigned'}"),
        ("fetched", "the list; models, datasets and engines of the workflows below, by the installed scripts"),
        ("run", "workflows of challenges that are installed here, while nobody uses this machine"),
        *((each.name, _run_words(each)) for each in runs[:_SHOWN]),
        ("sent to", printable_name(receiver) or "nowhere: bundles stay here"),
        (
            "sent",
            "bundles: CPU, operating system, times, logs; the key that signs, and your name if you set --submitter",
        ),
    ]
    if len(runs) > _SHOWN:
        rows.insert(4 + _SHOWN, ("and", f"{len(runs) - _SHOWN} more"))
    context.table("One consent for this board", rows)
    require_consent(context, "CM_PARTICIPATE_CONSENT", "Take part?", "nothing was run or sent")
    return BoardConsent(
        address=address,
        board=found.wanted.board,
        key=found.key,
        sample=found.wanted.sample,
        receiver=receiver,
        day=today(),
    )


def _run_words(run: ChosenRun) -> str:
    wanted = run.wanted
    hours = "unknown" if wanted.hours is None else f"{max(wanted.hours, 0.01):.2g} h"
    return f"places of fronts that it settles: {wanted.gain}; time: {hours}; results with credit: {wanted.credit}"
