"""The folder of a challenge's run, with its identity and the endings of its workflows.

<results_dir>/
   run.json                   identity of the run, and ending of each workflow
   checked.json               requirements and estimated times
   results/<workflow>/        results; layout in docs/results.md
   records/<workflow>.json    the record of the workflow's command
   experiments/  pictures/    outputs of explorations
   probe/<workflow>/          short runs for the estimate of the time
   report.{json,md,html}  bundle.tar.gz
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from glob import escape
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.contracts.challenges.run import RUN_LIMITS, ChallengeRun, RunIdentity, WorkflowEnding
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
"""The endings of a workflow."""
ENDINGS = (DONE, FAILED, INTERRUPTED, NOT_RUN)
_ASIDE = ".until-"
_IDENTITY = tuple(name for name in RunIdentity.__struct_fields__ if name != "options")


@dataclass
class RunFolder:
    """A run's folder, its identity, and the endings of its workflows by name."""

    root: Path
    identity: RunIdentity
    endings: dict[str, WorkflowEnding] = field(default_factory=dict)

    @property
    def run(self) -> ChallengeRun:
        """The run as it is stored in run.json."""
        return ChallengeRun(asked=self.identity, workflows=self.endings)

    def record(self, workflow: str) -> Path:
        """Return the path of a workflow's record."""
        return self.root / "records" / f"{workflow}.json"

    def measurements(self, workflow: str) -> tuple[str, ...]:
        """Return the measurements of a workflow, relative to the folder."""
        paths = self.root.glob(f"results/{workflow}/*_results/*/*/*/measurement.json")
        return tuple(sorted(path.relative_to(self.root).as_posix() for path in paths))

    def is_done(self, workflow: str) -> bool:
        """Whether a workflow is done, and its record and results still exist."""
        ending = self.endings.get(workflow)
        if ending is None or ending.status != DONE or not self.record(workflow).is_file():
            return False
        return all((self.root / path).is_file() for path in ending.results)

    def ended(self, workflow: str, ending: WorkflowEnding) -> None:
        """Set the ending of a workflow, and save it."""
        self.endings[workflow] = ending
        self.save()

    def attempts(self, workflow: str) -> int:
        """Return how often a workflow was started before, here and in the runs that were set aside from this folder."""
        ending = self.endings.get(workflow)
        if ending is not None:
            return ending.attempts
        aside = self.root.parent.glob(f"{escape(self.root.name)}{_ASIDE}*/run.json")
        runs = (_read_run(path) for path in aside)
        return sum(run.workflows[workflow].attempts for run in runs if run and workflow in run.workflows)

    def save(self) -> None:
        """Write run.json."""
        replace_text(self.root / "run.json", json.dumps(encode(self.run), indent=1, sort_keys=True) + "\n")


@contextmanager
def open_run(
    root: Path, identity: RunIdentity, workflows: Sequence[Workflow], chosen: Sequence[Workflow], *, anew: bool
) -> Iterator[RunFolder]:
    """Yield the folder of a new or continued run, locked for this process.

    This command runs the `chosen` of all `workflows`; `anew` sets an existing run aside.

    Raises:
        ChallengeError: the folder holds another run, is in use, or cannot be written.
    """
    try:
        if anew and root.is_dir() and any(root.iterdir()):
            _set_aside(root)
        with ResultFolder(root).held():
            begun = _begun(root, identity)
            used = {each.name: each.mode(sample=identity.sample).call.placeholders for each in workflows}
            differing = [name for name in _IDENTITY if getattr(identity, name) != getattr(begun.identity, name)]
            if differing := [*differing, *_other_options(begun, identity, used, {each.name for each in chosen})]:
                problem = f"holds a run with another {', '.join(differing)}"
                raise ChallengeError(root, problem, "use another --results_dir, or set the run aside by --new")
            run_folder = _continued(begun, identity, used)
            run_folder.save()
            yield run_folder
    except ResultsError as error:
        raise ChallengeError("--results_dir", str(error), "each run needs a writable folder of its own") from None
    except PermissionError as error:
        advice = "name a writable folder by --results_dir"
        raise ChallengeError(error.filename or root, f"cannot be written ({error.strerror})", advice) from None


def _continued(begun: RunFolder, identity: RunIdentity, used: Mapping[str, frozenset[str]]) -> RunFolder:
    """Return the continued run; it keeps the options of done workflows unless they are set again."""
    kept = {name for workflow, names in used.items() if begun.is_done(workflow) for name in names}
    options = {name: value for name, value in begun.identity.options.items() if name in kept}
    continued = msgspec.structs.replace(identity, options={**options, **identity.options})
    return RunFolder(begun.root, continued, begun.endings)


def _set_aside(root: Path) -> None:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    with ResultFolder(root).held():  # never move a folder in use
        root.rename(root.with_name(f"{root.name}{_ASIDE}{stamp}"))


def _begun(root: Path, identity: RunIdentity) -> RunFolder:
    path = root / "run.json"
    if not path.exists():
        return RunFolder(root, identity)
    try:
        run = read_layout(path, ChallengeRun, RUN_LIMITS)
    except DocumentError as error:
        problem = f"is damaged: {error.pointer or 'it'} {error.problem}"
        raise ChallengeError(path, problem, "set the run aside by --new") from None
    return RunFolder(root, run.asked, dict(run.workflows))


def _other_options(
    begun: RunFolder, identity: RunIdentity, used: Mapping[str, frozenset[str]], chosen: set[str]
) -> Iterator[str]:
    """Yield the options whose values differ between done workflows and this command.

    An option without a done user may be added later. It may be left out unless a chosen, unfinished workflow uses it.
    """
    then, now = begun.identity.options, identity.options
    for key in sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key)):
        users = {workflow for workflow, names in used.items() if key in names}
        done = {workflow for workflow in users if begun.is_done(workflow)}
        if done and (key in now or (users - done) & chosen):
            yield f"--{key}"


def done_workflows(root: Path) -> frozenset[str]:
    """Return the done workflows of a folder; none without a readable run.json."""
    run = _read_run(root / "run.json")
    return frozenset(name for name, ending in run.workflows.items() if ending.status == DONE) if run else frozenset()


def _read_run(path: Path) -> ChallengeRun | None:
    with suppress(DocumentError):
        return read_layout(path, ChallengeRun, RUN_LIMITS)
    return None


def places_of(root: Path, workflow: str, hw_name: str) -> dict[str, str]:
    """Return the values of a workflow's placeholders, without the challenge's own options."""
    return {
        "results_dir": str(root / "results" / workflow),
        "all_results_dir": str(root / "results"),
        "experiments_dir": str(root / "experiments"),
        "pictures_dir": str(root / "pictures"),
        "hw_name": hw_name,
    }


def now_utc() -> str:
    """Return the current time in UTC, as ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
