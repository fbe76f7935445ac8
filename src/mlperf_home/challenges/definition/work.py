"""The folder of a challenge's run: what was asked, which workflows are done, where everything lies.

<results_dir>/
   run.json                   what was asked, and how each workflow ended
   results/<workflow>/        as docs/results.md has them
   records/<workflow>.json    the record of its run
   experiments/  pictures/    what explorations leave
   probe/<workflow>/          short runs by which the time was estimated
   report.{json,md,html}  bundle.tar.gz
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.contracts.challenge_run import RUN_LIMITS, ChallengeRun, RunIdentity, WorkflowEnding
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.measurements.layout import ResultFolder, ResultsError
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Workflow

DONE, FAILED, INTERRUPTED, NOT_RUN = "done", "failed", "interrupted", "not run"
"""How a workflow ended."""
_IDENTITY = tuple(name for name in RunIdentity.__struct_fields__ if name != "options")


@dataclass
class Work:
    """One folder, what was asked, and the workflows' endings by name."""

    root: Path
    asked: RunIdentity
    endings: dict[str, WorkflowEnding] = field(default_factory=dict)

    def record(self, workflow: str) -> Path:
        """Return the place of a workflow's record."""
        return self.root / "records" / f"{workflow}.json"

    def measurements(self, workflow: str) -> tuple[str, ...]:
        """Name the measurements that a workflow has left, relative to the folder."""
        found = self.root.glob(f"results/{workflow}/*_results/*/*/*/measurement.json")
        return tuple(sorted(path.relative_to(self.root).as_posix() for path in found))

    def is_done(self, workflow: str) -> bool:
        """Whether a workflow has ended well and what it left is still there."""
        ending = self.endings.get(workflow)
        if ending is None or ending.status != DONE or not self.record(workflow).is_file():
            return False
        return all((self.root / path).is_file() for path in ending.results)

    def ended(self, workflow: str, ending: WorkflowEnding) -> None:
        """Note how a workflow ended, on the disk at once."""
        self.endings[workflow] = ending
        self.save()

    def save(self) -> None:
        """Write what is known."""
        run = ChallengeRun(asked=self.asked, workflows=self.endings)
        replace_text(self.root / "run.json", json.dumps(encode(run), indent=1, sort_keys=True) + "\n")


@contextmanager
def opened(
    root: Path, asked: RunIdentity, workflows: Sequence[Workflow], chosen: Sequence[Workflow], *, anew: bool
) -> Iterator[Work]:
    """Return the folder of a run, for this process alone; one that was begun goes on.

    Of all `workflows` of the challenge this command runs those `chosen`; `anew`, what is there is set aside.

    Raises:
        ChallengeError: it was begun with something else, another run is in it, or it cannot be written.
    """
    try:
        if anew and root.is_dir() and any(root.iterdir()):
            _set_aside(root)
        with ResultFolder(root).held():
            begun = _begun(root, asked)
            used = {each.name: each.mode(sample=asked.sample).call.placeholders for each in workflows}
            differing = [name for name in _IDENTITY if getattr(asked, name) != getattr(begun.asked, name)]
            if differing := [*differing, *_other_options(begun, asked, used, {each.name for each in chosen})]:
                problem = f"was begun with another {', '.join(differing)}"
                raise ChallengeError(root, problem, "give another --results_dir, or set it aside by --new")
            work = _continued(begun, asked, used)
            work.save()
            yield work
    except ResultsError as error:
        raise ChallengeError("--results_dir", str(error), "two runs cannot share a folder") from None
    except PermissionError as error:
        advice = "give a folder of yours by --results_dir"
        raise ChallengeError(error.filename or root, f"cannot be written ({error.strerror})", advice) from None


def _continued(begun: Work, asked: RunIdentity, used: Mapping[str, frozenset[str]]) -> Work:
    """Return a run that goes on: options that what is done has used stay, where none is given now."""
    kept = {name for workflow, names in used.items() if begun.is_done(workflow) for name in names}
    options = {name: value for name, value in begun.asked.options.items() if name in kept}
    identity = msgspec.structs.replace(asked, options={**options, **asked.options})
    return Work(begun.root, identity, begun.endings)


def _set_aside(root: Path) -> None:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    with ResultFolder(root).held():  # nothing is taken away from a run that is in it
        root.rename(root.with_name(f"{root.name}.until-{stamp}"))


def _begun(root: Path, asked: RunIdentity) -> Work:
    path = root / "run.json"
    if not path.exists():
        return Work(root, asked)
    try:
        run = read_layout(path, ChallengeRun, RUN_LIMITS)
    except DocumentError as error:
        problem = f"is damaged: {error.pointer or 'it'} {error.problem}"
        raise ChallengeError(path, problem, "begin anew by --new; what is there is set aside") from None
    return Work(root, run.asked, dict(run.workflows))


def _other_options(
    begun: Work, asked: RunIdentity, used: Mapping[str, frozenset[str]], chosen: set[str]
) -> Iterator[str]:
    """Name the options that would not be the same for what is done and for what is wanted now.

    One that no workflow has used that is done may come later, and one that none uses that is still to run be left out.
    """
    then, now = begun.asked.options, asked.options
    for key in sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key)):
        users = {workflow for workflow, names in used.items() if key in names}
        done = {workflow for workflow in users if begun.is_done(workflow)}
        if done and (key in now or (users - done) & chosen):
            yield f"--{key}"


def done_in(root: Path) -> frozenset[str]:
    """Name the workflows that have ended well in a folder; none where nothing can be read."""
    with suppress(DocumentError):
        run = read_layout(root / "run.json", ChallengeRun, RUN_LIMITS)
        return frozenset(name for name, ending in run.workflows.items() if ending.status == DONE)
    return frozenset()


def places_of(root: Path, workflow: str, hw_name: str) -> dict[str, str]:
    """Return what the placeholders of a workflow's command stand for, besides the challenge's own options."""
    return {
        "results_dir": str(root / "results" / workflow),
        "all_results_dir": str(root / "results"),
        "experiments_dir": str(root / "experiments"),
        "pictures_dir": str(root / "pictures"),
        "hw_name": hw_name,
    }


def now_utc() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
