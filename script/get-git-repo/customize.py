"""Fetch one commit of a git repository; check and record its hash."""

from mlperf_home.submission.git import ENVIRONMENT, GitUrlError, fetch_commands
from scriptgraph.api import Context, Done, Outcome, RecordedHashes, ScriptGraphError, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Fetch into the cache; warn if the commit differs from the recorded one."""
    url, ref, expected = context.text("CM_GIT_URL"), context.text("CM_GIT_CHECKOUT"), context.text("CM_GIT_SHA", "")
    folder = context.output / "repo"
    if context.switches.offline:
        raise StepFailed(f"{url}: cannot be fetched offline; leave --offline out")
    folder.mkdir()
    with failing_on(GitUrlError):
        commands = fetch_commands(str(folder), url, ref, context.text("CM_GIT_DEPTH"))
    try:
        for words in commands:
            context.command(words, env=ENVIRONMENT)
        commit = context.command(["git", "-C", folder, "rev-parse", "HEAD"], env=ENVIRONMENT).last_lines[-1].strip()
    except ScriptGraphError as error:
        raise StepFailed(f"{url} at {ref}: {error}; check the address, the name and the network") from error
    if expected and commit != expected:
        raise StepFailed(f"{url} at {ref}: is commit {commit}, not {expected}; check the address and the name")
    recorded = RecordedHashes.of_user(context.folders.state)
    name = [f"{url}#{ref}"]
    earlier = recorded.find(name)
    if earlier is None:
        recorded.keep(name, commit)
    elif earlier != commit:
        context.warn(f"{url}: {ref} was commit {earlier} before, and is {commit} now")
    context.say(f"{url} at {ref}: commit {commit}")
    return Done(exports={"CM_GIT_REPO_CHECKOUT_PATH": folder, "CM_GIT_REPO_CURRENT_HASH": commit})
