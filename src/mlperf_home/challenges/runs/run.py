"""Run a challenge: what it wants of the machine, its workflows, the report, the bundle."""

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
from mlperf_home.challenges.definition.lock import lock_differences, lock_digest, make_lock, read_lock
from mlperf_home.challenges.definition.machine import described, free_places
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME, ChallengeError
from mlperf_home.challenges.definition.work import NOT_RUN, Work, done_in
from mlperf_home.challenges.runs.workflows import estimate, run_workflows
from mlperf_home.contracts.challenge_report import ReportedWorkflow, RunFacts
from mlperf_home.contracts.challenge_run import CHECK_LIMITS, Requirement, RunCheck, RunIdentity, WorkflowEnding
from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.embed import EXTRA, installed_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.challenges.definition.manifest import Challenge, Needs, Workflow
    from mlperf_home.challenges.runs.arguments import Setting
    from mlperf_home.contracts.challenge_lock import ChallengeLock
    from mlperf_home.contracts.machine import Machine
    from scriptgraph.embed import Difference, Registry

_TOLD = 5
_GB = 10**9
_RESULTS_GB = 2.0
_CACHE_PLACE = "--home"
"""Where datasets, models and environments go: nearly all of the space."""


def first_few(items: Sequence[object]) -> str:
    """Name the first of many, and count the others."""
    more = [f"and {len(items) - _TOLD} more"] if len(items) > _TOLD else []
    return "; ".join([*map(str, items[:_TOLD]), *more])


@dataclass(frozen=True)
class Locks:
    """The lock of what is here, and how it differs from what the challenge has locked."""

    here: ChallengeLock
    differences: tuple[Difference, ...]


def compare_locks(challenge: Challenge, registry: Registry) -> Locks:
    """Compare the challenge's lock with what is here. Raise ChallengeError if it is missing or damaged."""
    locked, here = read_lock(challenge), make_lock(challenge, registry)
    return Locks(here, tuple(lock_differences(locked, here)))


def require_locked(setting: Setting, locks: Locks) -> None:
    """Raise ChallengeError if what is here differs from the lock, unless --unlocked was given."""
    if not locks.differences:
        return
    told = first_few(locks.differences)
    if "unlocked" not in setting.options.on:
        advice = "install the version that was locked, or run what is here by --unlocked, which the bundle will say"
        problem = f"what is installed is not what is locked: {told}"
        raise ChallengeError(setting.challenge.folder / "lock.json", problem, advice)
    setting.say(f"not as locked, and the bundle says so: {told}")


def require_open(setting: Setting, locks: Locks) -> None:
    """Report that a challenge is closed. Raise ChallengeError if --official was given and the run cannot count."""
    challenge, on = setting.challenge, setting.options.on
    dates = f"{challenge.opened} to {challenge.closed}"
    if "official" in on:
        why = [f"the challenge is {setting.state} ({dates})"] if setting.state != "open" else []
        why += ["--sample is no official run"] if setting.sample else []
        why += ["what is installed is not what is locked"] if locks.differences else []
        why += [f"{EXTRA} changes its commands"] if os.environ.get(EXTRA, "").strip() else []
        if why:
            advice = "leave --official out to run it all the same, or to replay somebody's bundle"
            raise ChallengeError(challenge.name, f"this run cannot count: {'; '.join(why)}", advice)
    if setting.state != "open":
        setting.say(f"the challenge is {setting.state} ({dates}): it runs, and the bundle says that it does not count")


def require_machine(setting: Setting, workflows: Sequence[Workflow], root: Path) -> list[Requirement]:
    """Compare what workflows need with what is here, in order. Raise ChallengeError, which names all that is missing.

    Workflows share datasets and environments: disk space is needed for the largest alone.
    """
    machine = setting.machine
    missing_system = "" if machine.system == "linux" else "run it on Linux, in a virtual machine for instance"
    found = [Requirement("all", "Linux", machine.os_name or machine.system, missing_system)]
    free = free_places({_CACHE_PLACE: setting.options.home, "--results_dir": root})
    ready = [each.name for each in workflows]
    ready += [] if "new" in setting.options.on else done_in(root)
    for workflow in workflows:
        needs = workflow.mode(sample=setting.sample).needs
        found += _of_the_machine(workflow.name, needs, machine, free)
        found += _of_the_command(workflow.name, needs, setting.options.own, ready)
    wanted = list(dict.fromkeys(found))
    missing = [each for each in wanted if each.missing]
    if missing:
        told = "; ".join(f"{each.workflow} wants {each.wanted}, here: {each.here} ({each.missing})" for each in missing)
        others = [each.name for each in workflows if each.name not in {one.workflow for one in missing}]
        advice = f"or run the rest by --only={','.join(others)}" if others else "see to these and run again"
        if not setting.sample:
            advice += ", or try it by --sample"
        raise ChallengeError(setting.challenge.name, f"requirements that are not met: {told}", advice)
    return wanted


def _of_the_machine(name: str, needs: Needs, machine: Machine, free: Mapping[str, int]) -> Iterator[Requirement]:
    if needs.cpus:
        known = needs.cpus.get(machine.architecture or "")
        lacking = [each for each in known or () if each not in machine.cpu_features]
        missing = f"a CPU with {', '.join(lacking)}" if lacking else ""
        missing = f"a CPU of the kind {' or '.join(needs.cpus)}" if known is None else missing
        here = f"{machine.architecture or 'not known'}, {machine.cpu_model or 'model not known'}"
        yield Requirement(name, needs.cpu_words, here, missing)
    if needs.memory_gb:
        memory = machine.memory_bytes
        here = "not known" if memory is None else f"{memory / _GB:.1f} GB"
        short = memory is not None and memory < needs.memory_gb * _GB
        yield Requirement(name, f"{needs.memory_gb:g} GB of memory", here, "more memory" if short else "")
    for place, there in free.items() if needs.disk_gb else ():
        wanted = needs.disk_gb if place == _CACHE_PLACE else min(needs.disk_gb, _RESULTS_GB)
        lacking_gb = wanted - there / _GB
        missing = f"{lacking_gb:.1f} GB more, or another place by {place}" if lacking_gb > 0 else ""
        yield Requirement(name, f"{wanted:g} GB free for {place}", f"{there / _GB:.1f} GB", missing)


def _of_the_command(name: str, needs: Needs, options: Mapping[str, str], ready: Sequence[str]) -> Iterator[Requirement]:
    for option in needs.options:
        given = options.get(option, "")
        yield Requirement(name, f"--{option}", given or "not given", "" if given else f"give --{option}=...")
    if needs.after:
        left = [each for each in needs.after if each in ready]
        missing = "" if left else f"add {needs.after[0]} to --only, or leave {name} out"
        yield Requirement(name, f"what {' or '.join(needs.after)} leaves", ", ".join(left) or "none of it", missing)


def asked_of(setting: Setting, locks: Locks) -> RunIdentity:
    """Return what makes this run the same as another."""
    return RunIdentity(
        challenge=setting.challenge.name,
        manifest_sha256=locks.here.challenge[MANIFEST_NAME],
        lock_sha256=lock_digest(locks.here),
        sample=setting.sample,
        hw_name=setting.hw_name,
        options={key: str(value) for key, value in setting.options.own.items()},
    )


def run_all(
    setting: Setting, work: Work, workflows: Sequence[Workflow], wanted: Sequence[Requirement], locks: Locks
) -> tuple[dict[str, str], RunDescription]:
    """Estimate and run; return the workflows that failed, by name, and what the report tells of the run."""
    checked = work.root / "checked.json"
    if not all(work.is_done(each.name) for each in workflows) or not checked.is_file():
        _check_time(setting, work, workflows, wanted)
    failed = run_workflows(setting, work, workflows)
    system = described(setting.options.text("submitter") or "unnamed", work.asked.hw_name)
    return failed, RunDescription(_facts(setting, work, locks), locks.here, system)


def _facts(setting: Setting, work: Work, locks: Locks) -> RunFacts:
    made = _made(work)
    checked = read_document(work.root / "checked.json", RunCheck, CHECK_LIMITS)
    return RunFacts(
        sample=setting.sample,
        state=setting.challenge.state(made.date()),
        made_utc=made.isoformat(timespec="seconds"),
        version=installed_versions([PRODUCT.name])[PRODUCT.name] or "not installed",
        extra_options=os.environ.get(EXTRA, "").strip(),
        lock_differences=tuple(str(each) for each in locks.differences),
        workflows=tuple(_reported(each, work) for each in setting.challenge.workflows),
        required=checked.required,
        expected=checked.expected,
        machine=setting.machine,
    )


def _reported(workflow: Workflow, work: Work) -> ReportedWorkflow:
    ending = work.endings.get(workflow.name, WorkflowEnding(status=NOT_RUN))
    tags = workflow.mode(sample=work.asked.sample).call.tags
    return ReportedWorkflow(
        name=workflow.name, title=workflow.title, tags=tags, status=ending.status, error=ending.error
    )


def _check_time(setting: Setting, work: Work, workflows: Sequence[Workflow], wanted: Sequence[Requirement]) -> None:
    expected = [] if "skip_probe" in setting.options.on else [estimate(setting, work, each) for each in workflows]
    for each in expected:
        setting.say(f"expected time of {each.workflow}: {each}")
    write_document(work.root / "checked.json", RunCheck(required=tuple(wanted), expected=tuple(expected)))


def _made(work: Work) -> datetime:
    """Return the time at which the last workflow ended; packing the same again gives the same bundle."""
    ended = max((each.ended_utc for each in work.endings.values()), default="")
    return datetime.fromisoformat(ended) if ended else datetime.now(timezone.utc)


def redaction_of(setting: Setting, root: Path) -> Redaction:
    """Return what takes folders and names of this machine out of texts."""
    folders = {
        "<results>": root,
        "<home>": setting.options.home,
        "<repository>": ENGINE.repository,
        "<python>": Path(sys.prefix),
        "<temporary>": Path(tempfile.gettempdir()),
        "<user>": Path.home(),
    }
    names = [platform.node()]
    with suppress(OSError, KeyError, ImportError):  # a user without a name
        names.append(getpass.getuser())
    return Redaction(folders, names)
