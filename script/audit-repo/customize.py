"""Audit a repository's scripts, and fail if something is wrong with them."""

from mlperf_home.product import ENGINE
from scriptgraph.api import Context, Done, Outcome, StepFailed, audit


def preprocess(context: Context) -> Outcome:
    """List every finding; the last line says how many there are."""
    root = context.existing("CM_AUDIT_REPO_PATH") if context.path("CM_AUDIT_REPO_PATH") else ENGINE.repository
    scripts = sorted(each.parent for name in ("_cm.json", "_cm.yaml") for each in root.glob(f"script/*/{name}"))
    if not scripts:
        raise StepFailed(f"{root}: holds no script/*/_cm.json; give the repository's folder by --repo")
    findings = audit([root], ENGINE.repositories().roots)
    for finding in findings:
        context.warn(str(finding))
    if findings:
        raise StepFailed(f"{root}: {len(findings)} findings in {len(scripts)} scripts; they stand above")
    context.say(f"{len(scripts)} scripts, nothing found")
    return Done(exports={"CM_AUDIT_FINDINGS": 0, "CM_AUDIT_SCRIPTS": len(scripts)})
