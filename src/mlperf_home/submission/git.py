"""The words that git is started with, and the URLs that it is given."""

from __future__ import annotations

from urllib.parse import urlsplit

from mlperf_home.errors import LocatedError

ENVIRONMENT = {
    # Without a terminal git would wait for a name and a password for ever.
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    # What the machine's owner has set up for themselves is not part of the result.
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}


class GitUrlError(LocatedError):
    """A repository's address cannot be used."""


def checked_url(url: str) -> str:
    """Give the address back if it can be put on a command line.

    Raises:
        GitUrlError: it would be read as an option, runs a program, or carries a password or token.
    """
    shown = url.partition("@")[2] or url
    if url.startswith("-") or "::" in url or not url.isprintable() or not url.strip():
        raise GitUrlError(repr(url[:80]), "is no address of a repository", "give https://..., ssh://... or a folder")
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and parts.username is not None:
        advice = "give the address without it, and let git's credential helper or an SSH key sign in"
        raise GitUrlError(shown, "the address carries a name or token, which others could read", advice)
    return url


def checked_ref(ref: str) -> str:
    """Give the name of a branch, tag or commit back if it is one.

    Raises:
        GitUrlError: git would read it as something else.
    """
    if not ref or ref.startswith("-") or any(each in ref for each in (" ", ":", "..", "~", "^", "?", "*", "[", "\\")):
        raise GitUrlError(repr(ref[:80]), "is no name of a branch, tag or commit", "give its plain name")
    return ref


def fetch_commands(folder: str, url: str, ref: str, depth: str) -> list[list[str]]:
    """Give the commands that bring one commit into an empty folder, without its history."""
    git = ["git", "-C", folder]
    return [
        [*git, "init", "--quiet"],
        [*git, "fetch", "--quiet", f"--depth={depth}", "--no-tags", checked_url(url), checked_ref(ref)],
        [*git, "checkout", "--quiet", "--detach", "FETCH_HEAD"],
    ]
