"""Write the files of a repository for a board, with the version that its CI installs."""

from __future__ import annotations

from pathlib import Path

from mlperf_home.leaderboard.store.errors import BoardError
from scriptgraph.files.atomic import replace_text

_TEMPLATE = Path(__file__).with_name("template")
PLACES = {
    "README.md": "README.md",
    "bundles.md": "bundles/README.md",
    "gitattributes.txt": ".gitattributes",
    "gitignore.txt": ".gitignore",
    "verify.yml": ".github/workflows/verify.yml",
    "publish.yml": ".github/workflows/publish.yml",
    "verify.sh": "ci/verify.sh",
    "collect.sh": "ci/collect.sh",
    "publish.sh": "ci/publish.sh",
    "keep.sh": "ci/keep.sh",
}
"""The place of each file of the template; hidden folders are no part of a package."""


def create_repository(out: Path, name: str, version: str, *, sample: bool) -> list[Path]:
    """Write the files, and return their paths.

    Args:
        out: an absent or empty folder; one with a `.git` alone counts as empty.
        name: the name of the board, a plain one.
        version: the version of this program that the CI installs.
        sample: whether it is a board of samples.

    Raises:
        BoardError: the folder holds something else, or it cannot be written.
    """
    values = {"@NAME@": name, "@VERSION@": version, "@SAMPLE@": ",_sample" if sample else ""}
    values["@RESULTS@"] = "samples, which are no MLPerf results" if sample else "results"
    try:
        others = [path.name for path in out.iterdir() if path.name != ".git"] if out.is_dir() else []
        if others:
            raise BoardError(out, f"holds {min(others)!r}", "name an empty folder, or a new one")
        written = []
        for source, place in PLACES.items():
            text = (_TEMPLATE / source).read_text(encoding="utf-8")
            for word, value in values.items():
                text = text.replace(word, value)
            path = out / place
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_text(path, text)
            written.append(path)
    except OSError as error:
        advice = "name a folder that you can write to"
        raise BoardError(out, f"cannot be written ({error.strerror})", advice) from None
    return written
