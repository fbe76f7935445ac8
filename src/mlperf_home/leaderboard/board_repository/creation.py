"""Write the repository of a board: templates, filled with the kind of the board and our version."""

from __future__ import annotations

import tempfile
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlperf_home.leaderboard.store.errors import BoardError

PLACES = {
    "README.md": "README.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "requirements.txt": "requirements.txt",
    "verify.yml": ".github/workflows/verify.yml",
    "board.yml": ".github/workflows/board.yml",
    "dependabot.yml": ".github/dependabot.yml",
    "gitattributes.txt": ".gitattributes",
    "gitignore.txt": ".gitignore",
    "bundles.txt": "bundles/.gitkeep",
}
"""The place of each template in the repository."""


def create_repository(out: Path, version: str, *, sample: bool) -> list[str]:
    """Write the repository of a board, whole or not at all; return the names of its files.

    Args:
        out: the new folder.
        version: the version of mlperf-home that its workflows install.
        sample: whether the board takes samples.

    Raises:
        BoardError: the folder holds something, or cannot be written.
    """
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            what = f"holds {min(path.name for path in out.iterdir())!r}" if out.is_dir() else "is a file"
            raise BoardError(out, what, "name a new folder, or an empty one")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as name:
            whole = Path(name) / "repository"
            for place, text in _filled(version, sample=sample).items():
                target = whole / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            whole.replace(out)
    except OSError as error:
        advice = "name a folder that you can write to, with enough space"
        raise BoardError(out, f"cannot be written ({error.strerror})", advice) from None
    return sorted(PLACES.values())


def _filled(version: str, *, sample: bool) -> dict[str, str]:
    # Curly brackets are those of the workflows' own expressions.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True,
        trim_blocks=True, autoescape=False,  # noqa: S701 - no value from outside, and no HTML
        variable_start_string="[[", variable_end_string="]]", block_start_string="[%", block_end_string="%]",
        comment_start_string="[#", comment_end_string="#]",
    )  # fmt: skip
    values = {"version": version, "sample": sample, "variation": ",_sample" if sample else ""}
    return {place: environment.get_template(name).render(values) for name, place in PLACES.items()}
