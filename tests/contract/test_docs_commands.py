"""Every command in README and docs resolves: its tags select one script, its options exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlperf_home.product import PRODUCT
from scriptgraph.cli.commands.script import script_command
from scriptgraph.embed import load_registry, parse_query

if TYPE_CHECKING:
    from scriptgraph.embed import Registry

ROOT = Path(__file__).resolve().parents[2]
# Its scripts are the reader's own; tests/e2e/test_cm_writing_a_script.py runs the page's commands.
OWN_SCRIPTS = {"writing-a-script.md"}
PAGES = [ROOT / "README.md", *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name not in OWN_SCRIPTS)]
COMMAND = re.compile(r"(?:\bcm (?P<action>run|replay|docker|show|find) script|\bcmr) (?P<rest>[^`\n]*)")
OPTION = re.compile(r"(?:^|\s)--(?P<name>[a-zA-Z][\w-]*)")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry([ROOT])


def commands(path: Path) -> list[tuple[str, str]]:
    """Return the commands of a page as (action, rest), lines that end in a backslash joined."""
    text = re.sub(r"\\\n\s*", "", path.read_text("utf-8"))
    return [(found["action"] or "run", found["rest"].partition(" -- ")[0]) for found in COMMAND.finditer(text)]


def tags_of(rest: str) -> str | None:
    found = re.search(r"--tags=([\w.,@+-]+)", rest)
    return None if found is None or "..." in found[1] or found[1].isupper() else found[1].strip(",.")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_page_resolve(path: Path, registry: Registry) -> None:
    known = {action: {each.name for each in script_command(action, PRODUCT).options} for action in ("run", "docker")}
    wrong = []
    for action, rest in commands(path):
        tags = tags_of(rest)
        if tags is None or action == "find":
            continue
        manifest = registry.select(parse_query(tags))
        own = {name.replace("-", "_") for name in manifest.inputs}
        names = own | known["docker" if action == "docker" else "run"] | {"tags", "out", "verbose", "quiet", "record"}
        given = {name.replace("-", "_") for name in OPTION.findall(rest)}
        roots = {name.partition(".")[0] for name in given}
        wrong += [
            f"{rest}: no option --{name}" for name in sorted(roots - names - {"env", "adr", "add_deps_recursive"})
        ]
    assert wrong == []


def tags_of_steps() -> list[str]:
    """Return the tags in README's table of steps."""
    table = (ROOT / "README.md").read_text("utf-8").partition("| step | tags |\n")[2].partition("\n\n")[0]
    return re.findall(r"`([a-z0-9,-]{8,})`", table)


@pytest.mark.parametrize("tags", tags_of_steps())
def test_a_step_in_the_readme_is_named_by_its_tags(tags: str, registry: Registry) -> None:
    assert registry.select(parse_query(tags))
