"""Replay a bundle: verify it, run its workflows here, and report whether the results agree."""

from __future__ import annotations

import shutil
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.bundle import MANIFEST, make_bundle
from mlperf_home.challenges.bundles.problems import grouped
from mlperf_home.challenges.bundles.rendering import render_report
from mlperf_home.challenges.definition.lock import lock_differences, table_differences
from mlperf_home.challenges.definition.machine import machine_differences
from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.challenges.definition.run_folder import DONE, now_utc, open_run, places_of
from mlperf_home.challenges.replays.reproduction import reproduction
from mlperf_home.challenges.replays.reproduction_parts import reproduction_parts
from mlperf_home.challenges.runs.run import first_few, redaction_of, require_machine, run_all, run_identity
from mlperf_home.challenges.runs.workflows import command_text
from mlperf_home.challenges.verification.confinement import verify_confined
from mlperf_home.contracts.challenges.records import RECORD_LIMITS, RunRecord
from mlperf_home.contracts.challenges.reproduction import ReplayFacts
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.measurements.equivalence import USUAL_RUNS
from scriptgraph.embed import require_trust
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.digest_log import DigestLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Workflow
    from mlperf_home.challenges.runs.arguments import RunContext
    from mlperf_home.challenges.runs.run import Locks
    from mlperf_home.challenges.verification.verification import VerifiedBundle
    from mlperf_home.contracts.challenges.report import RunFacts
    from mlperf_home.contracts.challenges.reproduction import Reproduction
    from mlperf_home.contracts.challenges.run import Requirement

_SHOWN_DIFFERENCES = 5


@dataclass(frozen=True)
class Replay:
    """A finished replay: the path of its report for people, the report, and a bundle of each repetition."""

    path: Path
    report: Reproduction
    bundles: tuple[Path, ...]


def replay(context: RunContext, locks: Locks, bundle: Path, show: Callable[[Sequence[str]], None]) -> Replay:
    """Replay a bundle; `show` prints what one from elsewhere would run.

    Raises:
        LocatedError: it is invalid, belongs to another challenge, or cannot run here.
        RequestError: it is from elsewhere, and neither --trust nor a listed signer answers for it.
    """
    if not bundle.is_file() and not context.options.path("results_dir"):
        raise ChallengeError(f"--results={bundle}", "there is no such file", "name a bundle.tar.gz")
    root = context.root(f"replay-{sha256_of(bundle)[:12]}" if bundle.is_file() else "")
    root.parent.mkdir(parents=True, exist_ok=True)
    unpacked = root.with_name(f".{root.name}.bundle")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        verified = verify_confined(bundle, unpacked, context.options.path("allowed_signers"))
        _require_valid(context, bundle, verified)
        context.say(f"{bundle}: valid, its measurements match its logs; {_signed(verified)}")
        on = context.options.on | ({"sample"} if verified.manifest.sample else set())
        context = replace(context, options=replace(context.options, on=on))
        if sha256_of(bundle) not in DigestLog(context.options.home / "state"):
            _require_trust(context, bundle, verified, root, show)
        return _replay(context, locks, verified, root)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _require_valid(context: RunContext, bundle: Path, verified: VerifiedBundle) -> None:
    made_for = verified.manifest.challenge
    if made_for != context.challenge.name:
        advice = f"replay it by cm replay challenge {made_for} --results={bundle}"
        raise ChallengeError(bundle, f"belongs to the challenge {made_for!r}", advice)
    if verified.problems:
        advice = f"list all problems by cm run script --tags=verify,bundle --bundle={bundle}"
        raise ChallengeError(
            bundle, f"is damaged or edited: {first_few(grouped(map(astuple, verified.problems)))}", advice
        )
    if context.sample and not verified.manifest.sample:
        raise ChallengeError("--sample", "the bundle was made with the real data", "omit --sample, or name another")


def _require_trust(
    context: RunContext, bundle: Path, verified: VerifiedBundle, root: Path, show: Callable[[Sequence[str]], None]
) -> None:
    """Show the commands of a bundle from elsewhere. Raise RequestError if nobody answers for it."""
    workflows = _workflows_in(context, verified)
    calls = ((each.name, each.mode(sample=context.sample).call) for each in workflows)
    commands = [command_text(context, call, places_of(root, name, context.hw_name)) for name, call in calls]
    title = (
        f"{bundle} was not written by this home, or was edited. It names these workflows of the installed challenge:"
    )
    show([title, *(f"  {each}" for each in commands)])
    what = f"{len(workflows)} workflow{'s' if len(workflows) > 1 else ''} of {context.challenge.name}"
    signer = verified.signature.signer if verified.signature else ""
    require_trust(context.options.arguments, f"--results={bundle}", what, signer)


def _replay(context: RunContext, locks: Locks, verified: VerifiedBundle, root: Path) -> Replay:
    workflows = _workflows_in(context, verified)
    requirements = require_machine(context, workflows, root)
    differing = _lock_differences(context, locks, verified)
    repeats = int(context.options.text("repeats") or USUAL_RUNS)
    roots = (root, *(root / f"repetition-{number}" for number in range(2, repeats + 1)))
    failed: dict[str, str] = {}
    bundles: list[Path] = []
    context = replace(context, repeats=sha256_of(verified.root / MANIFEST))
    anew = "new" in context.options.on
    then = _plans(verified.root / "records")  # before the workflows, which may take a night
    for number, each in enumerate(roots, 1):
        context.say(f"repetition {number} of {repeats}")
        failures, facts_now, packed = _run_once(
            context, locks, workflows, requirements, each, anew=anew and number == 1
        )
        failed |= failures
        bundles.append(packed)
    options = [facts.extra_options or "none" for facts in (verified.report, facts_now)]
    if options[0] != options[1]:
        differing.append("options of every command: {} then, {} now".format(*options))
    differing += _plan_differences(then, _plans(root / "records"))
    facts = _facts(context, verified, failed, differing, repeats)
    report = reproduction(verified.root, roots, context.challenge, (verified.machine, context.machine), facts)
    _write(report, root, f"{context.challenge.title}: reproducibility")
    return Replay(root / "reproducibility.md", report, tuple(bundles))


def _run_once(
    context: RunContext,
    locks: Locks,
    workflows: Sequence[Workflow],
    requirements: Sequence[Requirement],
    root: Path,
    *,
    anew: bool,
) -> tuple[dict[str, str], RunFacts, Path]:
    """Run the workflows once, or resume; return the errors of failed ones, the facts of the run, and its bundle."""
    identity = run_identity(context, locks)
    root.mkdir(parents=True, exist_ok=True)
    with open_run(root, identity, context.challenge.workflows, workflows, anew=anew) as run_folder:
        failed, description = run_all(context, run_folder, workflows, requirements, locks)
        redaction, signer = redaction_of(context, root), context.options.signer
        bundle = make_bundle(run_folder, context.challenge, description, redaction, signer)
    DigestLog(context.options.home / "state").add(sha256_of(bundle))
    return failed, description.facts, bundle


def _workflows_in(context: RunContext, verified: VerifiedBundle) -> tuple[Workflow, ...]:
    """Return the workflows of a bundle that are done or have results. Raise ChallengeError if there is none."""
    endings = verified.run.workflows.items()
    names = {name for name, ending in endings if ending.status == DONE or ending.results}
    workflows = tuple(each for each in context.challenge.workflows if each.name in names)
    if not workflows:
        raise ChallengeError("the bundle", "has no finished workflow to replay", "replay another bundle")
    return workflows


def _lock_differences(context: RunContext, locks: Locks, verified: VerifiedBundle) -> list[str]:
    differing = [str(each) for each in lock_differences(verified.lock, locks.here)]
    more = [f"{len(differing) - _SHOWN_DIFFERENCES} more, in the report"] if len(differing) > _SHOWN_DIFFERENCES else []
    for line in (*differing[:_SHOWN_DIFFERENCES], *more):
        context.say(f"difference: {line}")
    return differing


def _facts(
    context: RunContext, verified: VerifiedBundle, failed: dict[str, str], differing: list[str], repeats: int
) -> ReplayFacts:
    endings = verified.run.workflows
    return ReplayFacts(
        sample=context.sample,
        bundle=sha256_of(verified.root / MANIFEST),
        made_utc=verified.manifest.made_utc,
        replayed_utc=now_utc(),
        signature=_signed(verified),
        failed=failed,
        newly_failed=tuple(name for name in failed if endings[name].status == DONE),
        repeats=repeats,
        margin=context.challenge.speed_margin,
        plan_differences=tuple(differing),
        machine_differences=tuple(machine_differences(verified.machine, context.machine)),
    )


def _write(report: Reproduction, root: Path, title: str) -> None:
    for ending, text in render_report(report, title, reproduction_parts(report)).items():
        replace_text(root / f"reproducibility.{ending}", text)


def _plan_differences(then: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the differences of the plans that both runs have: scripts, versions, and manifests."""
    return [
        str(each)
        for workflow in sorted(then.keys() & now.keys())
        for each in table_differences(f"plan of {workflow}", then[workflow], now[workflow])
    ]


def _plans(records: Path) -> dict[str, dict[str, str]]:
    """Return version and manifest of each step by title, by workflow; a run without a plan has none."""
    plans = {path.stem: read_document(path, RunRecord, RECORD_LIMITS).plan for path in sorted(records.glob("*.json"))}
    return {
        workflow: {each.title: f"{each.version or 'no version'}, manifest {each.manifest}" for each in plan}
        for workflow, plan in plans.items()
        if plan
    }


def _signed(verified: VerifiedBundle) -> str:
    return str(verified.signature) if verified.signature else "not signed"
