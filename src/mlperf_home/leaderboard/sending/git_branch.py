"""A bundle on a branch of a git repository, ready for a pull request."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlperf_home.leaderboard.sending.destination import SendingError
from mlperf_home.product import PRODUCT
from mlperf_home.submission.git import ENVIRONMENT
from scriptgraph.embed import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]

BUNDLES_DIR = "bundles"
_DIGITS = 12


@dataclass(frozen=True)
class SentBranch:
    """A branch with a bundle; `new` is False if the repository had it already."""

    name: str
    new: bool
    open: str


def push_bundle(command: Command, url: str, archive: Path, digest: str, author: str, clone: Path) -> SentBranch:
    """Push a bundle on a branch of its own.

    Args:
        command: runs a program, as `Context.command` does.
        url: the repository.
        archive: the bundle.
        digest: the SHA-256 of its manifest.
        author: the contributor's name in the bundle; "" without one. The name that git knows is not used.
        clone: an absent folder for the clone.

    Raises:
        SendingError: the repository is out of reach, or refuses the branch.
    """
    branch = f"bundle-{digest[:_DIGITS]}"
    who = {"NAME": author or "contributor", "EMAIL": f"contributor@{PRODUCT.name}.invalid"}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}

    def git(*words: str, check: bool = True) -> int | None:
        argv = ["git", "-C", clone, *words]
        code: int | None = command(argv, env={**ENVIRONMENT, **names}, check=check).exit_code
        return code

    try:
        command(["git", "clone", "--quiet", "--depth=1", "--no-single-branch", url, clone], env=ENVIRONMENT)
        if git("rev-parse", "--verify", "--quiet", f"origin/{branch}", check=False) == 0:
            return SentBranch(branch, new=False, open=_opening(url, branch))
        git("checkout", "--quiet", "-b", branch)
        target = clone / BUNDLES_DIR / f"{digest}.tar.gz"
        if target.exists():
            return SentBranch("", new=False, open=url)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(archive, target)
        git("add", "--force", f"{BUNDLES_DIR}/{target.name}")
        git("commit", "--quiet", "--no-gpg-sign", "-m", f"Bundle {digest[:_DIGITS]}")
        git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    except ScriptGraphError as error:
        advice = "push to a fork of yours if the repository is not yours; nothing else was changed"
        raise SendingError(url, f"the branch was not made ({error})", advice) from error
    return SentBranch(branch, new=True, open=_opening(url, branch))


def _opening(url: str, branch: str) -> str:
    """Return the address at which a pull request from a branch is opened; the repository's where it is unknown."""
    plain = url.removesuffix("/").removesuffix(".git")
    if plain.startswith("https://github.com/"):
        return f"{plain}/compare/{quote(branch)}?expand=1"
    if plain.startswith("https://gitlab.com/"):
        return f"{plain}/-/merge_requests/new?merge_request%5Bsource_branch%5D={quote(branch)}"
    return url
