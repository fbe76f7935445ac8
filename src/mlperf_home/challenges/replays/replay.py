"""Replay a bundle: verify it, run the same again here, and report whether it came out the same."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.forms import forms
from mlperf_home.challenges.bundles.verification import verify
from mlperf_home.challenges.definition.lock import differences, lock_differences
from mlperf_home.challenges.definition.machine import machine_differences
from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.challenges.definition.work import DONE, now_utc, opened
from mlperf_home.challenges.replays.reproduction import reproduction
from mlperf_home.challenges.replays.reproduction_parts import reproduction_parts
from mlperf_home.challenges.runs.run import asked_of, first_few, require_machine, run_all
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.records import RECORD_LIMITS, RunRecord
from mlperf_home.contracts.reproduction import ReplayFacts
from mlperf_home.contracts.session import sha256_of
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.challenges.bundles.verification import Verified
    from mlperf_home.challenges.definition.manifest import Workflow
    from mlperf_home.challenges.definition.work import Work
    from mlperf_home.challenges.runs.arguments import Setting
    from mlperf_home.challenges.runs.run import Locks
    from mlperf_home.contracts.reproduction import Reproduction

_TOLD = 5


@dataclass(frozen=True)
class Replay:
    """What came of a replay: the place of its report for people, and what that says."""

    path: Path
    report: Reproduction


def replay(setting: Setting, locks: Locks, bundle: Path) -> Replay:
    """Replay a bundle. Raise LocatedError if it is bad, of another kind, or cannot run here."""
    if not bundle.is_file() and not setting.options.path("results_dir"):
        raise ChallengeError(f"--results={bundle}", "there is no such file", "give a bundle.tar.gz")
    root = setting.root(f"replay-{sha256_of(bundle)[:12]}" if bundle.is_file() else "")
    root.parent.mkdir(parents=True, exist_ok=True)
    unpacked = root.with_name(f".{root.name}.bundle")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        verified = verify(bundle, unpacked, setting.options.path("allowed_signers"))
        _require_whole(setting, bundle, verified)
        setting.say(f"{bundle}: whole, its measurements are what its logs give; {_signed(verified)}")
        on = setting.options.on | ({"sample"} if verified.manifest.sample else set())
        return _replay(replace(setting, options=replace(setting.options, on=on)), locks, verified, root)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _require_whole(setting: Setting, bundle: Path, verified: Verified) -> None:
    made_for = verified.manifest.challenge
    if made_for != setting.challenge.name:
        advice = f"cm replay challenge {made_for} --results={bundle}"
        raise ChallengeError(bundle, f"is of the challenge {made_for!r}", advice)
    if verified.findings:
        advice = f"cm run script --tags=verify,bundle --bundle={bundle} names all"
        raise ChallengeError(bundle, f"is not as it was made: {first_few(verified.findings)}", advice)
    if setting.sample and not verified.manifest.sample:
        raise ChallengeError("--sample", "the bundle is of the real data", "leave --sample out, or replay another")


def _replay(setting: Setting, locks: Locks, verified: Verified, root: Path) -> Replay:
    workflows = _left_in(setting, verified)
    wanted = require_machine(setting, workflows, root)
    differing = _lock_differences(setting, locks, verified)
    asked = asked_of(setting, locks)
    with opened(root, asked, setting.challenge.workflows, workflows, anew="new" in setting.options.on) as work:
        failed, description = run_all(setting, work, workflows, wanted, locks)
        options = [each.extra_options or "none" for each in (verified.report, description.facts)]
        if options[0] != options[1]:
            differing.append("options of every command: {} then, {} now".format(*options))
        differing += _plan_differences(verified.root / "records", work.root / "records")
        facts = _facts(setting, verified, failed, differing)
        machines = (verified.machine, setting.machine)
        report = reproduction((verified.root, work.root), setting.challenge, machines, facts)
        _write(report, work, f"{setting.challenge.title}: reproducibility")
    return Replay(root / "reproducibility.md", report)


def _left_in(setting: Setting, verified: Verified) -> tuple[Workflow, ...]:
    """Return the workflows that left something in a bundle. Raise ChallengeError if there is none."""
    endings = verified.run.workflows.items()
    left = {name for name, ending in endings if ending.status == DONE or ending.results}
    workflows = tuple(each for each in setting.challenge.workflows if each.name in left)
    if not workflows:
        raise ChallengeError("the bundle", "has no workflow that ended well", "there is nothing to replay")
    return workflows


def _lock_differences(setting: Setting, locks: Locks, verified: Verified) -> list[str]:
    differing = [str(each) for each in lock_differences(verified.lock, locks.here)]
    more = [f"{len(differing) - _TOLD} more, in the report"] if len(differing) > _TOLD else []
    for line in (*differing[:_TOLD], *more):
        setting.say(f"differs: {line}")
    return differing


def _facts(setting: Setting, verified: Verified, failed: dict[str, str], differing: list[str]) -> ReplayFacts:
    endings = verified.run.workflows
    return ReplayFacts(
        sample=setting.sample,
        bundle=sha256_of(verified.root / "bundle.json"),
        made_utc=verified.manifest.made_utc,
        replayed_utc=now_utc(),
        signature=_signed(verified),
        failed=failed,
        newly_failed=tuple(name for name in failed if endings[name].status == DONE),
        plan_differences=tuple(differing),
        machine_differences=tuple(machine_differences(verified.machine, setting.machine)),
    )


def _write(report: Reproduction, work: Work, title: str) -> None:
    for ending, text in forms(report, title, reproduction_parts(report)).items():
        replace_text(work.root / f"reproducibility.{ending}", text)


def _plan_differences(then: Path, now: Path) -> list[str]:
    """Compare the plans of the two runs, script by script: which there were, at which version, from which manifest."""
    paths = [path for path in sorted(then.glob("*.json")) if (now / path.name).is_file()]
    return [
        str(each)
        for path in paths
        for each in differences(f"plan of {path.stem}", _steps(path), _steps(now / path.name))
    ]


def _steps(record: Path) -> dict[str, str]:
    plan = read_document(record, RunRecord, RECORD_LIMITS).plan
    return {each.title: f"{each.version or 'no version'}, manifest {each.manifest}" for each in plan}


def _signed(verified: Verified) -> str:
    return str(verified.signature) if verified.signature else "not signed"
