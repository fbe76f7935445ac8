"""Verify a challenge's bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.problems import grouped
from mlperf_home.challenges.verification import confinement, recomputation
from mlperf_home.errors import LocatedError
from mlperf_home.steps.verified_bundle import answer_rows, read_truths, sender_rows, versus_rows
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.challenges.verification.verification import VerifiedBundle


def preprocess(context: Context) -> Outcome:
    """Show the problems, grouped by cause; raise if there is one."""
    bundle, signers = context.existing("CM_CHALLENGE_BUNDLE"), context.path("CM_CHALLENGE_ALLOWED_SIGNERS")
    other = context.path("CM_CHALLENGE_OTHER_BUNDLE")
    with failing_on(LocatedError):
        truths = read_truths(context)
        verified = confinement.verify_confined(bundle, context.output / "bundle", signers)
    problems = [str(each) for each in verified.problems]
    causes = grouped((each.file, each.problem) for each in verified.problems)
    for line in problems if context.switches.verbose else causes:
        context.warn(f"problem: {line}")
    if problems:
        more = "" if context.switches.verbose or len(causes) == len(problems) else "; -v shows each one"
        count = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}"
        raise StepFailed(f"{bundle}: {count}; see above{more}")
    signature = str(verified.signature) if verified.signature else "not signed"
    manifest = verified.manifest
    sample = manifest.sample or any(each.made_up for each in verified.report.results)
    title = "SAMPLE BUNDLE, no MLPerf results: verified" if sample else "Bundle: verified"
    with failing_on(LocatedError):
        answers = [*answer_rows(bundle, verified.root, truths), *_versus(context, verified, other)]
    rows = [
        ("challenge", manifest.challenge),
        ("made", manifest.made_utc),
        ("files", f"{len(manifest.files)}, each with a hash"),
        ("measurements", "equal to those of their logs"),
        ("measurements without logs", str(recomputation.count_without_logs(verified.root))),
        *answers,
        *sender_rows(verified),
        ("signature", signature),
    ]
    context.table(title, rows)
    exports = {"CM_CHALLENGE_BUNDLE_NAME": manifest.challenge, "CM_CHALLENGE_BUNDLE_SAMPLE": sample}
    return Done(exports={**exports, "CM_CHALLENGE_BUNDLE_SIGNATURE": signature})


def _versus(context: Context, verified: VerifiedBundle, other: Path | None) -> list[tuple[str, str]]:
    """Return the shares of answers that are equal to those of another bundle, which is verified first."""
    if other is None:
        return []
    beside = confinement.verify_confined(other, context.output / "other")
    if beside.problems:
        raise StepFailed(f"{other}: {len(beside.problems)} problems; verify it by --bundle to see them")
    rows = list(versus_rows(verified.root, beside.root))
    if not rows:
        raise StepFailed("--versus: the two bundles have no answers of the same model to the same questions")
    return rows
