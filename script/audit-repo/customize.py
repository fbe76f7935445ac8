"""Check a repository's scripts for mistakes."""

from pathlib import Path

from mlperf_home.product import ENGINE
from scriptgraph.api import Context, Done, Outcome, StepFailed, advise, audit


def preprocess(context: Context) -> Outcome:
    """Show every finding; raise if there is one."""
    root = context.existing("CM_AUDIT_REPO_PATH") if context.path("CM_AUDIT_REPO_PATH") else ENGINE.repository
    if context.flag("CM_AUDIT_ADVISE"):
        return _advise(context, root)
    scripts = sorted(each.parent for name in ("_cm.json", "_cm.yaml") for each in root.glob(f"script/*/{name}"))
    if not scripts:
        raise StepFailed(f"{root}: has no script/*/_cm.json; pass the folder of a repository with --repo")
    findings = audit([root], ENGINE.repositories().roots)
    for finding in findings:
        context.warn(str(finding))
    if findings:
        raise StepFailed(f"{root}: {len(findings)} findings in {len(scripts)} scripts; see above")
    context.say(f"{len(scripts)} scripts, no findings")
    return Done(exports={"CM_AUDIT_FINDINGS": 0, "CM_AUDIT_SCRIPTS": len(scripts)})


def _advise(context: Context, root: Path) -> Outcome:
    found = advise(root)
    for each in found:
        context.say(str(each))
    folders = {each.path.parent for each in found}
    context.say(f"{len(found)} pieces of advice for {len(folders)} scripts")
    return Done(exports={"CM_AUDIT_FINDINGS": len(found), "CM_AUDIT_SCRIPTS": len(folders)})
