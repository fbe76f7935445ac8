"""Every check of the project by name: `nox -s tests -- -k NAME`; .ci/run and .ci/long call the same sessions.

With `--no-venv` the sessions use the environment that nox runs in, and install nothing.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).parent
SITE = ROOT / "build" / "site"
# A browser would load such an element from another host.
LOADED_FROM_ELSEWHERE = re.compile(
    r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=\s*["']?(?:https?:)?//[^>]*>"""
)

nox.options.sessions = ["lint", "types", "docs", "tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True


def install(session: nox.Session, *packages: str) -> None:
    """Install packages, or the project with extras, where the session has an environment of its own."""
    if session.venv_backend != "none":
        session.install(*packages)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, the direction of imports, and the workflows and forms below .github."""
    install(session, ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    places = (".github/workflows/*.yml", "src/mlperf_home/leaderboard/board_repository/[bv]*.yml")
    workflows = sorted(str(path) for place in places for path in ROOT.glob(place))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    forms = sorted(str(path) for path in ROOT.glob(".github/ISSUE_TEMPLATE/*.yml") if path.name != "config.yml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-issue-forms", *forms)
    settings = str(ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-issue-config", settings)
    session.run("pre-commit", "validate-config", ".pre-commit-config.yaml")
    if shutil.which("actionlint"):  # no registry of Python packages has its program
        session.run("actionlint", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, ".[lint,explore]")
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests but the long ones; arguments go to pytest."""
    install(session, ".[test]")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def long(session: nox.Session) -> None:
    """Run the tests marked `long`; arguments go to pytest."""
    install(session, ".[test]")
    session.run("python", "-m", "pytest", "-n", "2", "-m", "long", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into build/site; fail on a dead link, an orphan page, or content of another host."""
    install(session, ".[docs]")
    session.run("mkdocs", "build", "--strict", "--clean", "--site-dir", str(SITE), env={"NO_MKDOCS_2_WARNING": "1"})
    pages = sorted(SITE.rglob("*.html"))
    found = [
        f"{page.relative_to(SITE)}: {tag[0]}"
        for page in pages
        for tag in LOADED_FROM_ELSEWHERE.finditer(page.read_text(encoding="utf-8"))
    ]
    if found:
        session.error("loaded from another host:\n" + "\n".join(found))
    session.log(f"{len(pages)} pages in {SITE.relative_to(ROOT)}")


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist, install each into an empty environment, and run a step from it."""
    install(session, "build>=1.2,<2")
    distributions = ROOT / "dist"
    shutil.rmtree(distributions, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(distributions))
    for built in sorted(distributions.iterdir()):
        place = Path(session.create_tmp()).resolve() / f"try-{built.suffix.strip('.')}"
        shutil.rmtree(place, ignore_errors=True)
        session.run("python", "-m", "venv", str(place))
        session.run(f"{place}/bin/python", "-m", "pip", "install", "--quiet", str(built), external=True)
        # In a folder of its own, so that the checkout is not what is tried.
        with session.chdir(place):
            session.run(
                "bin/cm", "run", "script", "--tags=detect,cpu", env={"CM_REPOS": str(place / "cm")}, external=True
            )
