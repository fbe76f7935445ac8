"""Run a challenge: check the machine and the lock, run the workflows, and collect the facts of the report."""

from __future__ import annotations

import getpass
import os
import platform
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.bundle import RunDescription
from mlperf_home.challenges.bundles.redaction import Redaction
from mlperf_home.challenges.bundles.report import reported_workflows
from mlperf_home.challenges.bundles.sender import UNNAMED
from mlperf_home.challenges.definition.lock import lock_differences, lock_digest, make_lock, read_lock
from mlperf_home.challenges.definition.machine import free_bytes, system_description
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME, ChallengeError
from mlperf_home.challenges.definition.requirements import CACHE_PLACE, Surroundings, requirements_of
from mlperf_home.challenges.definition.run_folder import ENDINGS, RunFolder, done_workflows
from mlperf_home.challenges.runs.workflows import SKIPPED, estimate, run_workflows
from mlperf_home.contracts.challenges.report import RunFacts
from mlperf_home.contracts.challenges.run import CHECK_LIMITS, Estimate, RunCheck, RunIdentity
from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.embed import EXTRA, installed_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.challenges.definition.manifest import Challenge, Workflow
    from mlperf_home.challenges.runs.arguments import RunContext
    from mlperf_home.contracts.challenges.lock import ChallengeLock
    from mlperf_home.contracts.challenges.run import Requirement
    from scriptgraph.embed import Difference, Registry

_FEW = 5


def first_few(items: Sequence[object]) -> str:
    """Return the first items as text, with the number of the others."""
    more = [f"and {len(items) - _FEW} more"] if len(items) > _FEW else []
    return "; ".join([*map(str, items[:_FEW]), *more])


@dataclass(frozen=True)
class Locks:
    """The lock of the installed scripts and code, and its differences from the challenge's lock."""

    here: ChallengeLock
    differences: tuple[Difference, ...]


def compare_locks(challenge: Challenge, registry: Registry) -> Locks:
    """Compare the challenge's lock with the installed one. Raise ChallengeError if it is missing or damaged."""
    locked, here = read_lock(challenge), make_lock(challenge, registry)
    return Locks(here, tuple(lock_differences(locked, here)))


def require_locked(context: RunContext, locks: Locks) -> None:
    """Raise ChallengeError if the installed scripts or code differ from the lock, except with --unlocked."""
    if not locks.differences:
        return
    differences = first_few(locks.differences)
    if "unlocked" not in context.options.on:
        advice = "install the locked version, or run by --unlocked; the bundle lists the differences"
        problem = f"the installed scripts or code differ from the lock: {differences}"
        raise ChallengeError(context.challenge.folder / "lock.json", problem, advice)
    context.say(f"differences from the lock, listed in the bundle: {differences}")


def require_open(context: RunContext, locks: Locks) -> None:
    """Report a challenge that is not open. With --official, raise ChallengeError if the run cannot count."""
    challenge, on = context.challenge, context.options.on
    dates = f"{challenge.opened} to {challenge.closed}"
    if "official" in on:
        reasons = [f"the challenge is {context.state} ({dates})"] if context.state != "open" else []
        reasons += ["--sample runs are never official"] if context.sample else []
        reasons += ["the installed scripts or code differ from the lock"] if locks.differences else []
        reasons += [f"{EXTRA} changes its commands"] if os.environ.get(EXTRA, "").strip() else []
        if reasons:
            advice = "omit --official to run it anyway"
            raise ChallengeError(challenge.name, f"this run cannot count: {'; '.join(reasons)}", advice)
    if context.state != "open":
        context.say(f"the challenge is {context.state} ({dates}): its bundle will not count")


def require_machine(context: RunContext, workflows: Sequence[Workflow], root: Path) -> tuple[Requirement, ...]:
    """Return the requirements of workflows, in order. Raise ChallengeError with all unmet ones."""
    options = {name: str(value or "") for name, value in context.options.own.items()}
    ready = {each.name for each in workflows} | (set() if "new" in context.options.on else done_workflows(root))
    free = free_bytes({CACHE_PLACE: context.options.home, "--results_dir": root})
    here = Surroundings(context.machine, free, options, ready)
    checked = requirements_of(workflows, here, sample=context.sample)
    unmet = [each for each in checked if each.missing]
    if unmet:
        texts = [f"{each.workflow} needs {each.wanted}, here: {each.here} ({each.missing})" for each in unmet]
        names = {each.workflow for each in unmet}
        others = [each.name for each in workflows if each.name not in names]
        advice = f"run the other workflows by --only={','.join(others)}" if others else "meet them and run again"
        if not context.sample:
            advice += ", or try the sample by --sample"
        raise ChallengeError(context.challenge.name, f"unmet requirements: {'; '.join(texts)}", advice)
    return checked


def run_identity(context: RunContext, locks: Locks) -> RunIdentity:
    """Return the identity of this run; a folder holds runs of one identity."""
    return RunIdentity(
        challenge=context.challenge.name,
        manifest_sha256=locks.here.challenge[MANIFEST_NAME],
        lock_sha256=lock_digest(locks.here),
        sample=context.sample,
        hw_name=context.hw_name,
        options={key: str(value) for key, value in context.options.own.items()},
    )


def run_all(
    context: RunContext,
    run_folder: RunFolder,
    workflows: Sequence[Workflow],
    requirements: Sequence[Requirement],
    locks: Locks,
) -> tuple[dict[str, str], RunDescription]:
    """Estimate the time, run the workflows, and describe the run.

    Returns:
        The errors of failed workflows by name, and the description.
    """
    checked = run_folder.root / "checked.json"
    if not all(run_folder.is_done(each.name) for each in workflows) or not checked.is_file():
        _estimate_times(context, run_folder, workflows, requirements)
    failed = run_workflows(context, run_folder, workflows)
    # A name stands in contributor.json alone, so that it can be forgotten.
    system = system_description(UNNAMED, run_folder.identity.hw_name)
    return failed, RunDescription(_facts(context, run_folder, locks), locks.here, system)


def _facts(context: RunContext, run_folder: RunFolder, locks: Locks) -> RunFacts:
    made = _made(run_folder)
    checked = read_document(run_folder.root / "checked.json", RunCheck, CHECK_LIMITS)
    return RunFacts(
        sample=context.sample,
        state=context.challenge.state(made.date()),
        made_utc=made.isoformat(timespec="seconds"),
        version=installed_versions([PRODUCT.name])[PRODUCT.name] or "not installed",
        extra_options=os.environ.get(EXTRA, "").strip(),
        lock_differences=tuple(map(str, locks.differences)),
        workflows=reported_workflows(context.challenge, run_folder.run),
        required=checked.required,
        expected=checked.expected,
        machine=context.machine,
        repeats=context.repeats,
    )


def _estimate_times(
    context: RunContext, run_folder: RunFolder, workflows: Sequence[Workflow], requirements: Sequence[Requirement]
) -> None:
    skipped = "skip_probe" in context.options.on
    estimates = tuple(
        Estimate(each.name, None, None, SKIPPED) if skipped else estimate(context, run_folder, each)
        for each in workflows
    )
    for expected in () if skipped else estimates:
        context.say(f"expected time of {expected.workflow}: {expected}")
    write_document(run_folder.root / "checked.json", RunCheck(required=tuple(requirements), expected=estimates))


def _made(run_folder: RunFolder) -> datetime:
    """Return the time when the last workflow ended: packing a run again yields the same bundle."""
    ended = max((ending.ended_utc for ending in run_folder.endings.values()), default="")
    return datetime.fromisoformat(ended) if ended else datetime.now(timezone.utc)


def redaction_of(context: RunContext, root: Path) -> Redaction:
    """Return the redaction of this machine's folders and names.

    A name that is also a word of the challenge shows nobody, and its removal would make the documents disagree.
    """
    folders = {
        "<results>": root,
        "<home>": context.options.home,
        "<repository>": ENGINE.repository,
        "<python>": Path(sys.prefix),
        "<temporary>": Path(tempfile.gettempdir()),
    }
    with suppress(RuntimeError):  # no home directory
        folders["<user>"] = Path.home()
    names = [platform.node()]
    with suppress(OSError, KeyError, ImportError):  # a user without a name
        names.append(getpass.getuser())
    challenge = context.challenge
    words = {sys.platform, challenge.name, *ENDINGS, *(each.name for each in challenge.workflows)}
    return Redaction(folders, set(names) - words)
