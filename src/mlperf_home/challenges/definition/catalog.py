"""Which challenges there are: the folders `challenge/*/` of our repository and of those that are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.definition.manifest import MANIFEST_NAME, decode_challenge
from mlperf_home.errors import LocatedError
from scriptgraph.errors import ManifestError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge


class ChallengeError(LocatedError):
    """A challenge is not there, or cannot be run, as things are."""


def find_challenges(roots: Sequence[Path], tags: Iterable[str] = ()) -> tuple[list[Challenge], list[str]]:
    """Return the challenges that have all these tags, by name, and a sentence on each manifest that cannot be read."""
    wanted, found, broken = set(tags), [], []
    for path in sorted({path for root in roots for path in (root / "challenge").glob(f"*/{MANIFEST_NAME}")}):
        try:
            challenge = _read(path)
        except ManifestError as error:
            broken.append(str(error))
            continue
        if wanted <= {*challenge.tags, challenge.name}:
            found.append(challenge)
    return found, broken


def load_challenge(roots: Sequence[Path], name: str) -> Challenge:
    """Return the challenge of a name, or of a uid.

    Raises:
        ChallengeError: there is none.
        ManifestError: its manifest means nothing.
    """
    for root in roots:
        path = root / "challenge" / name / MANIFEST_NAME
        if "/" not in name and name not in {"", ".", ".."} and path.is_file():
            return _read(path)
    found, broken = find_challenges(roots)
    for challenge in found:
        if challenge.uid == name:
            return challenge
    names = [challenge.name for challenge in found]
    close = nearest(name, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}"
    problem = f"there is no challenge {name!r}" if name else "which challenge?"
    raise ChallengeError("cm ... challenge NAME", problem, "; ".join([hint, *broken]))


def _read(path: Path) -> Challenge:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(path, "", f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    challenge = decode_challenge(text, path)
    if challenge.name != path.parent.name:
        raise ManifestError(path, "/alias", f"is {challenge.name!r}, but its folder is {path.parent.name!r}")
    return challenge
