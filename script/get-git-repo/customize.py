"""Get a git repository: one commit of it, whose hash is told, checked or recorded."""

from mlperf_home.submission.git import ENVIRONMENT, GitUrlError, fetch_commands
from scriptgraph.api import Context, Done, Outcome, RecordedHashes, ScriptGraphError, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Fetch into the cache; a commit that differs from the recorded one is taken and told."""
    url, ref, wanted = context.text("CM_GIT_URL"), context.text("CM_GIT_CHECKOUT"), context.text("CM_GIT_SHA", "")
    folder = context.output / "repo"
    if context.switches.offline:
        raise StepFailed(f"{url}: is to be fetched, and --offline was given")
    folder.mkdir()
    with failing_on(GitUrlError):
        commands = fetch_commands(str(folder), url, ref, context.text("CM_GIT_DEPTH"))
    try:
        for words in commands:
            context.command(words, env=ENVIRONMENT)
        commit = context.command(["git", "-C", folder, "rev-parse", "HEAD"], env=ENVIRONMENT).last_lines[-1].strip()
    except ScriptGraphError as error:
        raise StepFailed(f"{url} at {ref}: {error}; look at the address, the name and the network") from error
    if wanted and commit != wanted:
        raise StepFailed(f"{url} at {ref}: is commit {commit}, not {wanted}; it was moved, or is another repository")
    recorded = RecordedHashes.of_user(context.folders.state)
    name = [f"{url}#{ref}"]
    before = recorded.find(name)
    recorded.keep(name, commit)
    if before not in (None, commit):
        context.warn(f"{url}: {ref} was {before} the first time, and is {commit} now")
    context.say(f"{url} at {ref}: commit {commit}")
    return Done(exports={"CM_GIT_REPO_CHECKOUT_PATH": folder, "CM_GIT_REPO_CURRENT_HASH": commit})
