"""The origin of an experiment's description: its command is replayed if this home, or a trusted sender, wrote it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.experiments.arguments import home_of
from mlperf_home.experiments.grid import trials_of
from mlperf_home.product import PRODUCT
from scriptgraph.embed import printable, require_trust, signer_of
from scriptgraph.files.digest_log import DigestLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.experiments.experiment import Experiment
    from scriptgraph.embed import Arguments

_SHOWN = 10


def note_as_own(arguments: Arguments, experiment: Experiment) -> None:
    """Note that this home wrote the experiment's description."""
    DigestLog(home_of(arguments) / "state").add(sha256_of(experiment.description))


def require_trusted(arguments: Arguments, experiment: Experiment, show: Callable[[Sequence[str]], None]) -> None:
    """Show the commands of an experiment from elsewhere; those of this home's own are trusted.

    Raises:
        RequestError: nobody answers for them.
        SignatureError: the signature beside the description is invalid, or of a signer who is not on the list.
    """
    known = sha256_of(experiment.description) in DigestLog(home_of(arguments) / "state")
    if known or experiment.kind != "grid":  # others have no command
        return
    trials = trials_of(experiment)
    more = [f"  and {len(trials) - _SHOWN} more"] if len(trials) > _SHOWN else []
    title = f"{experiment.description} was not written by this home, or was edited. It would run:"
    show([title, *(f"  {printable(shlex.join(each.argv))}" for each in trials[:_SHOWN]), *more])
    what = f"{len(trials)} command{'s' if len(trials) > 1 else ''}"
    require_trust(
        arguments, str(experiment.description), what, signer_of(arguments, experiment.description, PRODUCT.name)
    )
