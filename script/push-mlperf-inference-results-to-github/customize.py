"""Push a submission to a branch of the user's fork."""

import re
from pathlib import Path

from mlperf_home.rules import load_round, round_names
from mlperf_home.submission.delivery import PublicationError, refuse_samples, replace_folders, submitter_folders
from mlperf_home.submission.git import ENVIRONMENT, GitUrlError, checked_ref, checked_url
from scriptgraph.api import Context, Done, Outcome, ScriptGraphError, Skip, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Clone, copy, commit and push; with --dry_run, show the commit instead of pushing it."""
    root = context.existing("CM_MLPERF_SUBMISSION_DIR")
    divisions = load_round(round_names()[0]).submission.folders.divisions
    with failing_on(PublicationError, GitUrlError):
        folders = submitter_folders(root, divisions)
        if not context.flag("CM_MLPERF_ALLOW_SAMPLE"):
            refuse_samples(root, folders)
        url = checked_url(context.text("CM_MLPERF_RESULTS_GIT_URL"))
        names = "-".join(sorted({re.sub(r"[^A-Za-z0-9._-]", "-", folder.name) for folder in folders}))
        branch = checked_ref(context.text("CM_MLPERF_RESULTS_GIT_BRANCH", f"submission-{names}"))
    clone = context.output / "clone"
    try:
        _prepare(context, clone, url, branch)
        replace_folders(clone, root, folders)
        _git(context, clone, "add", "--all", "--force", *map(str, folders))
        if _git(context, clone, "diff", "--cached", "--quiet", check=False) == 0:
            return Skip(f"{url}: branch {branch} has this submission already")
        _git(context, clone, "commit", "--quiet", "-m", context.text("CM_MLPERF_RESULTS_REPO_COMMIT_MESSAGE"))
        _git(context, clone, "show", "--stat", "--oneline", "HEAD")
        commit = context.commands[-1].last_lines
        if context.flag("CM_MLPERF_PUSH_DRY_RUN"):
            context.say(f"not pushed (--dry_run): the commit is in {clone}; {commit[-1].strip()}")
            return Done(exports={"CM_MLPERF_PUSHED_BRANCH": branch})
        _git(context, clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    except ScriptGraphError as error:
        raise StepFailed(f"{url}: {error}; nothing else was changed; repeat the command to try again") from error
    _git(context, clone, "rev-parse", "HEAD")
    pushed = context.commands[-1].last_lines[-1].strip()
    context.say(f"pushed {pushed} to branch {branch} of {url}; open a pull request from it")
    return Done(exports={"CM_MLPERF_PUSHED_COMMIT": pushed, "CM_MLPERF_PUSHED_BRANCH": branch})


def _prepare(context: Context, clone: Path, url: str, branch: str) -> None:
    """Clone without history; check out the branch if the fork has it, to keep its files."""
    context.command(["git", "clone", "--quiet", "--depth=1", "--no-single-branch", url, clone], env=ENVIRONMENT)
    exists = _git(context, clone, "rev-parse", "--verify", "--quiet", f"origin/{branch}", check=False) == 0
    _git(context, clone, "checkout", "--quiet", "-B", branch, *([f"origin/{branch}"] if exists else []))


def _git(context: Context, clone: Path, *words: str, check: bool = True) -> int | None:
    return context.command(["git", "-C", clone, *words], env=ENVIRONMENT, check=check).exit_code
