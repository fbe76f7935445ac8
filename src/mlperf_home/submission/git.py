"""Git's commands and environment, and checks of URLs and references."""

from __future__ import annotations

from urllib.parse import urlsplit

from mlperf_home.errors import LocatedError

ENVIRONMENT = {
    # Without a terminal, git would wait for a name and a password forever.
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    # The result must not depend on the machine's configuration.
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}


class GitUrlError(LocatedError):
    """A repository's address or reference cannot be used."""


def checked_url(url: str) -> str:
    """Return an address that is safe on a command line.

    Raises:
        GitUrlError: git would read the address as an option, it runs a program, or it carries a password or token.
    """
    shown = url.partition("@")[2] or url
    if url.startswith("-") or "::" in url or not url.isprintable() or not url.strip():
        raise GitUrlError(
            repr(url[:80]), "is not the address of a repository", "write https://..., ssh://... or a folder"
        )
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and parts.username is not None:
        advice = "remove it from the address; sign in by git's credential helper or an SSH key"
        raise GitUrlError(shown, "the address carries a name or token that others could read", advice)
    return url


def checked_ref(ref: str) -> str:
    """Return the name of a branch, tag or commit that is safe on a command line.

    Raises:
        GitUrlError: git would read the name as something else.
    """
    if not ref or ref.startswith("-") or any(each in ref for each in (" ", ":", "..", "~", "^", "?", "*", "[", "\\")):
        raise GitUrlError(repr(ref[:80]), "is not the name of a branch, tag or commit", "write its plain name")
    return ref


def fetch_commands(folder: str, url: str, ref: str, depth: str) -> list[list[str]]:
    """Return the commands that fetch one commit into an empty folder, with `depth` commits of history."""
    git = ["git", "-C", folder]
    return [
        [*git, "init", "--quiet"],
        [*git, "fetch", "--quiet", f"--depth={depth}", "--no-tags", checked_url(url), checked_ref(ref)],
        [*git, "checkout", "--quiet", "--detach", "FETCH_HEAD"],
    ]
