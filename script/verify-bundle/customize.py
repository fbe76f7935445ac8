"""Verify a challenge's bundle."""

from mlperf_home.challenges.bundles import recomputation, verification
from mlperf_home.errors import LocatedError
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Show every problem; raise if there is one."""
    bundle = context.existing("CM_CHALLENGE_BUNDLE")
    with failing_on(LocatedError):
        verified = verification.verify(bundle, context.output / "bundle", context.path("CM_CHALLENGE_ALLOWED_SIGNERS"))
    for problem in verified.problems:
        context.warn(f"problem: {problem}")
    if verified.problems:
        count = len(verified.problems)
        raise StepFailed(f"{bundle}: {count} {'problem' if count == 1 else 'problems'}; see above")
    signature = str(verified.signature) if verified.signature else "not signed"
    manifest = verified.manifest
    sample = manifest.sample or any(each.sample for each in verified.report.results)
    title = "SAMPLE BUNDLE, no MLPerf results: verified" if sample else "Bundle: verified"
    rows = [
        ("challenge", manifest.challenge),
        ("made", manifest.made_utc),
        ("files", f"{len(manifest.files)}, each with a hash"),
        ("measurements", "equal to those of their logs"),
        ("measurements without logs", str(recomputation.count_without_logs(verified.root))),
        ("signature", signature),
    ]
    context.table(title, rows)
    exports = {"CM_CHALLENGE_BUNDLE_NAME": manifest.challenge, "CM_CHALLENGE_BUNDLE_SAMPLE": sample}
    return Done(exports={**exports, "CM_CHALLENGE_BUNDLE_SIGNATURE": signature})
