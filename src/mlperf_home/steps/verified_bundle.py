"""A verified bundle as a table: who sent it, and what its answers tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.accuracy.recomputing import Truths
from mlperf_home.challenges.bundles.sender import CONTRIBUTOR_FILE, read_contributor
from mlperf_home.challenges.verification.answer_checks import accuracy_problems, accuracy_runs
from mlperf_home.datasets.imagenet.images import read_labels
from mlperf_home.datasets.squad.reading import read_dataset
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.verification.verification import VerifiedBundle
    from scriptgraph.api import Context

    Row = tuple[str, str]

_LABELS, _DATASET = "CM_CHALLENGE_LABELS", "CM_CHALLENGE_DATASET"


def read_truths(context: Context) -> Truths:
    """Read the labels and questions of the options.

    Raises:
        DatasetError: a file is not readable, or of another form.
    """
    labels, questions = context.path(_LABELS), context.path(_DATASET)
    return Truths(read_labels(labels) if labels else None, read_dataset(questions) if questions else None)


def sender_rows(verified: VerifiedBundle) -> Iterator[Row]:
    """Yield who sent a bundle, with the name and its address if the bundle has them, and what it replays."""
    sender = verified.manifest.sender
    if verified.manifest.repeats:
        yield "replays", f"the bundle {verified.manifest.repeats}"
    if sender is None or verified.signature is None:
        return
    if (verified.root / CONTRIBUTOR_FILE).is_file():
        contributor = read_contributor(verified.root)
        yield "contributor", f"{contributor.name} {contributor.link}".strip()
    elif sender.contributor:
        yield "contributor", f"contributor-{sender.contributor[:12]}"


def answer_rows(bundle: Path, root: Path, truths: Truths) -> Iterator[Row]:
    """Yield how many accuracy runs have their answers, and of how many the accuracy follows from them.

    Raises:
        StepFailed: an accuracy is another than the answers give; or the user's labels or questions are of no run.
    """
    runs = list(accuracy_runs(root))
    if not runs:
        yield "answers", "none in the bundle"
    else:
        count = sum(run.answers.count for run in runs)
        yield "answers", f"of {len(runs)} accuracy run{'s' if len(runs) > 1 else ''}, {count:,} together"
    if truths == Truths():
        return
    known = [run for run in runs if truths.know(run.answers, run.session.dataset.identity)]
    if not known:
        options = {"--labels_path": truths.labels, "--dataset_path": truths.questions}
        names = " and ".join(name for name, each in options.items() if each)
        raise StepFailed(f"{names}: no accuracy run in the bundle is of this dataset and has its answers")
    for run in known:
        for problem in accuracy_problems(run, truths):
            raise StepFailed(f"{bundle}: {run.where(root)}: {problem}")
    yield "accuracy recomputed", f"equal to that of {len(known)} of {len(runs)} accuracy runs"


def versus_rows(root: Path, other: Path) -> Iterator[Row]:
    """Yield the share of equal answers of the results in two unpacked bundles that are of the same model and data."""
    mine, theirs = list(accuracy_runs(root)), list(accuracy_runs(other))
    for run in mine:
        for beside in theirs:
            if run.subject == beside.subject and run.answers.is_like(beside.answers):
                equal = run.answers.equal(beside.answers)
                share = f"{100 * equal / run.answers.count:.2f} % ({equal:,} of {run.answers.count:,})"
                yield f"equal answers, {run.folder.parent.parent.name}", share
