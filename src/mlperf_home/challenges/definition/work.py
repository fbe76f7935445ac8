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
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.measurements.layout import ResultFolder, ResultsError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Workflow

SCHEMA = "mlperf-home/challenge-run/1"
DONE, FAILED, INTERRUPTED, NOT_RUN = "done", "failed", "interrupted", "not run"
"""How a workflow ended."""


@dataclass(frozen=True)
class Asked:
    """What makes two runs of a challenge runs of the same.

    Attributes:
        challenge: its name.
        lock_sha256: of the lock of what is installed here.
        hw_name: the system's name in results.
        options: the challenge's own options; those of earlier commands count where this one gives none.
    """

    challenge: str
    manifest_sha256: str
    lock_sha256: str
    sample: bool
    hw_name: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """How a workflow ended: one of those above, times in ISO 8601, and the measurements, relative to the folder."""

    status: str
    error: str = ""
    started_utc: str = ""
    ended_utc: str = ""
    results: tuple[str, ...] = ()


@dataclass
class Work:
    """One folder, what was asked, and the workflows' endings by name."""

    root: Path
    asked: Asked
    endings: dict[str, Ending] = field(default_factory=dict)

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

    def ended(self, workflow: str, ending: Ending) -> None:
        """Note how a workflow ended, on the disk at once."""
        self.endings[workflow] = ending
        self.save()

    def save(self) -> None:
        """Write what is known."""
        endings = {name: asdict(ending) for name, ending in self.endings.items()}
        document = {"schema": SCHEMA, "asked": asdict(self.asked), "workflows": endings}
        replace_text(self.root / "run.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


@contextmanager
def opened(
    root: Path, asked: Asked, workflows: Sequence[Workflow], chosen: Sequence[Workflow], *, anew: bool
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
            # What is done has used these, where none is given now.
            kept = {name for workflow, names in used.items() if begun.is_done(workflow) for name in names}
            options = {name: value for name, value in begun.asked.options.items() if name in kept}
            work = Work(root, replace(asked, options={**options, **asked.options}), begun.endings)
            then = asdict(begun.asked)
            differing = [key for key, value in asdict(asked).items() if key != "options" and value != then[key]]
            if differing := [*differing, *_other_options(begun, asked, used, {each.name for each in chosen})]:
                problem = f"was begun with another {', '.join(differing)}"
                raise ChallengeError(root, problem, "give another --results_dir, or set it aside by --new")
            work.save()
            yield work
    except ResultsError as error:
        raise ChallengeError("--results_dir", str(error), "two runs cannot share a folder") from None
    except PermissionError as error:
        advice = "give a folder of yours by --results_dir"
        raise ChallengeError(error.filename or root, f"cannot be written ({error.strerror})", advice) from None


def _set_aside(root: Path) -> None:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    with ResultFolder(root).held():  # nothing is taken away from a run that is in it
        root.rename(root.with_name(f"{root.name}.until-{stamp}"))


def _begun(root: Path, asked: Asked) -> Work:
    path = root / "run.json"
    if not path.exists():
        return Work(root, asked)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        begun, workflows = Asked(**document["asked"]), document["workflows"].items()
        endings = {name: Ending(**{**each, "results": tuple(each["results"])}) for name, each in workflows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChallengeError(path, f"is damaged ({error})", "begin anew by --new; what is there is set aside") from None
    return Work(root, begun, endings)


def _other_options(begun: Work, asked: Asked, used: Mapping[str, frozenset[str]], chosen: set[str]) -> Iterator[str]:
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
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        workflows = json.loads((root / "run.json").read_text(encoding="utf-8"))["workflows"]
        return frozenset(name for name, ending in workflows.items() if ending["status"] == DONE)
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
