"""Run a challenge: what it wants of the machine, its workflows, the report, the bundle."""

from __future__ import annotations

import getpass
import json
import os
import platform
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.redaction import Redaction
from mlperf_home.challenges.definition.catalog import ChallengeError
from mlperf_home.challenges.definition.lock import lock_differences, lock_digest, make_lock, read_lock
from mlperf_home.challenges.definition.machine import (
    CACHE_PLACE,
    Requirement,
    Surroundings,
    described,
    free_places,
    requirements,
)
from mlperf_home.challenges.definition.work import NOT_RUN, Asked, Ending, Work, done_in
from mlperf_home.challenges.runs.workflows import estimate, run_workflows
from mlperf_home.product import PRODUCT
from scriptgraph.embed import EXTRA, installed_versions
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.challenges.definition.manifest import Challenge, Workflow
    from mlperf_home.challenges.runs.arguments import Setting
    from scriptgraph.embed import Difference, Registry

_TOLD = 5


def first_few(items: Sequence[object]) -> str:
    """Name the first of many, and count the others."""
    more = [f"and {len(items) - _TOLD} more"] if len(items) > _TOLD else []
    return "; ".join([*map(str, items[:_TOLD]), *more])


@dataclass(frozen=True)
class Locks:
    """The lock of what is here, and how it differs from what the challenge has locked."""

    here: dict[str, Any]
    differences: tuple[Difference, ...]


def compare_locks(challenge: Challenge, registry: Registry) -> Locks:
    """Read the challenge's lock and make that of what is here.

    Raises:
        ChallengeError: there is no lock, or it is damaged.
    """
    locked, here = read_lock(challenge), make_lock(challenge, registry)
    return Locks(here, tuple(lock_differences(locked, here)))


def require_locked(setting: Setting, locks: Locks) -> None:
    """Refuse what is not locked, unless that was asked for.

    Raises:
        ChallengeError: what is here differs from the lock.
    """
    if not locks.differences:
        return
    told = first_few(locks.differences)
    if "unlocked" not in setting.asking.on:
        advice = "install the version that was locked, or run what is here by --unlocked, which the bundle will say"
        problem = f"what is installed is not what is locked: {told}"
        raise ChallengeError(setting.challenge.folder / "lock.json", problem, advice)
    setting.say(f"not as locked, and the bundle says so: {told}")


def require_open(setting: Setting, locks: Locks) -> None:
    """Report that a challenge is closed; refuse what --official demands and is not so.

    Raises:
        ChallengeError: --official was given, and the run could not count.
    """
    challenge, on = setting.challenge, setting.asking.on
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
    """Return what is wanted and what is here. Raise ChallengeError if something is missing; all of it is named."""
    free = free_places({CACHE_PLACE: setting.asking.home, "--results_dir": root})
    done = frozenset() if "new" in setting.asking.on else done_in(root)
    ready = done | {each.name for each in workflows}
    there = Surroundings(setting.machine, free, setting.asking.options, ready)
    wanted = requirements(workflows, there, sample=setting.sample)
    missing = [each for each in wanted if each.missing]
    if missing:
        told = "; ".join(f"{each.workflow} wants {each.wanted}, here: {each.here} ({each.missing})" for each in missing)
        others = [each.name for each in workflows if each.name not in {one.workflow for one in missing}]
        advice = f"or run the rest by --only={','.join(others)}" if others else "see to these and run again"
        if not setting.sample:
            advice += ", or try it by --sample"
        raise ChallengeError(setting.challenge.name, f"requirements that are not met: {told}", advice)
    return wanted


def asked_of(setting: Setting, locks: Locks) -> Asked:
    """Return what makes this run the same as another."""
    return Asked(
        challenge=setting.challenge.name,
        manifest_sha256=locks.here["challenge"]["_cm.json"],
        lock_sha256=lock_digest(locks.here),
        sample=setting.sample,
        hw_name=setting.hw_name,
        options={key: str(value) for key, value in setting.asking.options.items()},
    )


def run_all(
    setting: Setting, work: Work, workflows: Sequence[Workflow], wanted: Sequence[Requirement], locks: Locks
) -> tuple[dict[str, str], dict[str, Any]]:
    """Estimate, run, and give the workflows that failed with what the report tells of the run."""
    checked = work.root / "checked.json"
    if not all(work.is_done(each.name) for each in workflows) or not checked.is_file():
        _check_time(setting, work, workflows, wanted)
    failed = run_workflows(setting, work, workflows)
    told = json.loads(checked.read_text(encoding="utf-8"))
    facts = {
        "sample": setting.sample,
        "state": setting.challenge.state(_made(work).date()),
        "made_utc": _made(work).isoformat(timespec="seconds"),
        "version": installed_versions([PRODUCT.name])[PRODUCT.name] or "not installed",
        "extra_options": os.environ.get(EXTRA, "").strip(),
        "lock_differences": [str(each) for each in locks.differences],
        "workflows": [_told(work, each) for each in setting.challenge.workflows],
        "required": told["required"],
        "expected": told["expected"],
        "machine": setting.machine.to_json(),
        "lock": locks.here,
        "system": described(setting.asking.texts.get("submitter", "unnamed"), work.asked.hw_name),
    }
    return failed, facts


def _check_time(setting: Setting, work: Work, workflows: Sequence[Workflow], wanted: Sequence[Requirement]) -> None:
    skipped = "skip_probe" in setting.asking.on
    expected = [] if skipped else [estimate(setting, work, each) for each in workflows]
    for each in expected:
        setting.say(f"expected time of {each.workflow}: {each}")
    document = {"required": [asdict(each) for each in wanted], "expected": [asdict(each) for each in expected]}
    replace_text(work.root / "checked.json", json.dumps(document, indent=1) + "\n")


def _made(work: Work) -> datetime:
    """Return the time at which the last workflow ended; packing the same again gives the same bundle."""
    ended = [each.ended_utc for each in work.endings.values() if each.ended_utc]
    return datetime.fromisoformat(max(ended)) if ended else datetime.now(timezone.utc)


def _told(work: Work, workflow: Workflow) -> dict[str, str]:
    ending = work.endings.get(workflow.name, Ending(NOT_RUN))
    return {
        "name": workflow.name,
        "title": workflow.title,
        "tags": workflow.mode(sample=work.asked.sample).call.tags,
        "status": ending.status,
        "error": ending.error,
    }


def redaction_of(setting: Setting, root: Path) -> Redaction:
    """Return what takes folders and names of this machine out of texts."""
    folders = {
        "<results>": root,
        "<home>": setting.asking.home,
        "<repository>": setting.repository,
        "<python>": Path(sys.prefix),
        "<temporary>": Path(tempfile.gettempdir()),
        "<user>": Path.home(),
    }
    names = [platform.node()]
    with suppress(OSError, KeyError, ImportError):  # a user without a name
        names.append(getpass.getuser())
    return Redaction(folders, names)
