"""Every command in README, docs and guides resolves: tags select one script, names and options exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mlperf_home.challenges.definition.manifest import find_challenges
from mlperf_home.command_line import commands
from scriptgraph.cli.lists.script_commands import find_scripts
from scriptgraph.embed import load_registry, parse_query

if TYPE_CHECKING:
    from scriptgraph.embed import Registry

ROOT = Path(__file__).resolve().parents[2]
# Its scripts are the reader's own; tests/e2e/test_cm_writing_a_script.py runs the page's commands.
OWN_SCRIPTS = {"writing-a-script.md"}
FOLDERS = ("docs", "challenge", "src")
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(path for each in FOLDERS for path in sorted((ROOT / each).rglob("*.md")) if path.name not in OWN_SCRIPTS),
]
TABLES = {(each.action, each.automation): each for each in commands()}
AUTOMATIONS = {automation for _, automation in TABLES}
CHALLENGES = {each.name: each for each in find_challenges([ROOT])[0]}
COMMAND = re.compile(
    rf"(?:\bcm (?P<action>[a-z]+) (?P<automation>{'|'.join(sorted(AUTOMATIONS))})|\bcmr)\b(?P<rest>[^`\n]*)"
)
OPTION = re.compile(r"(?:^|[\s\[])--(?P<name>[a-zA-Z][\w-]*)")
# cmind's own actions.
CMINDS = {"help", "copy", "add", "load", "reindex"}


class Shown(NamedTuple):
    """A command of a page."""

    action: str
    automation: str
    rest: str

    @property
    def tags(self) -> str | None:
        """Its tags; None if it shows the form of a command only."""
        found = re.search(r"--tags=([\w.,@+-]+)", self.rest)
        return (
            None
            if found is None or "..." in found[1] or found[1].isupper() or "TAG" in found[1]
            else found[1].strip(",.")
        )

    @property
    def word(self) -> str:
        """The name before its options, or the quoted words; empty for a placeholder."""
        found = re.match(r"\s+(?:\"(?P<quoted>[^\"]+)\"|(?P<word>[\w@.-]+))", self.rest)
        word = (found["quoted"] or found["word"]) if found else ""
        return "" if word.isupper() or word.startswith("-") or word in {"and", "or", "with"} else word

    @property
    def options(self) -> set[str]:
        """The names of its options, without what follows a dot."""
        return {name.replace("-", "_") for name in OPTION.findall(self.rest)}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry([ROOT])


def shown_in(path: Path) -> list[Shown]:
    """Return the commands of a page, lines that end in a backslash joined."""
    text = re.sub(r"\\\n\s*", "", path.read_text("utf-8"))
    found = ((each["action"] or "run", each["automation"] or "script", each["rest"]) for each in COMMAND.finditer(text))
    aliases = {"ls": "find", "list": "find", "delete": "rm"}
    return [Shown(aliases.get(action, action), automation, rest.partition(" -- ")[0].partition("#")[0])
            for action, automation, rest in found if action not in CMINDS]  # fmt: skip


def problems_of(command: Shown, registry: Registry) -> list[str]:
    table = TABLES.get((command.action, command.automation))
    if table is None:
        return ["is no command"]
    known = set(table.spellings) | {"tags", "help"}
    problems = []
    if command.automation == "script" and command.action in {"run", "docker", "show", "replay"}:
        query = command.tags or (command.word if command.action != "replay" else "")
        if query:
            known |= {name.replace("-", "_") for name in registry.select(parse_query(query)).inputs}
    elif command.automation == "script" and command.action == "find" and (query := command.tags or command.word):
        assert find_scripts(registry, parse_query(query))
    elif command.automation == "challenge":
        challenge = CHALLENGES.get(command.word)
        if command.word and challenge is None:
            problems.append(f"there is no challenge {command.word}")
        named = [challenge] if challenge else list(CHALLENGES.values())
        known |= {name for each in named for name in each.options}
        only = re.search(r"--only=([\w,-]+)", command.rest)
        workflows = {each.name for each in (named if challenge else ()) for each in each.workflows}
        if challenge and only and not only[1].isupper():
            problems += [f"no workflow {name}" for name in only[1].split(",") if name not in workflows]
    return problems + [f"no option --{name}" for name in sorted(command.options - known)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_page_resolve(path: Path, registry: Registry) -> None:
    wrong = [f"{each}: {problem}" for each in shown_in(path) for problem in problems_of(each, registry)]

    assert wrong == []


def test_pages_show_commands_of_every_automation() -> None:
    shown = [each for path in PAGES for each in shown_in(path)]

    assert {each.automation for each in shown} == AUTOMATIONS
    assert {(each.action, each.automation) for each in shown} >= {
        (action, automation) for action, automation in TABLES if automation != "script"
    }
    assert len({each.tags for each in shown}) > 30


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cm run script --tags=detect,os --nope=1", "no option --nope"),
        ("cm show experiment X --nope", "no option --nope"),
        ("cm replay script --record=F --nope", "no option --nope"),
        ("cm run challenge none@here", "there is no challenge none@here"),
        ("cm run challenge run-mlperf@home-v3.1-cpu --only=none", "no workflow none"),
        ("cm explode cache", "is no command"),
    ],
)
def test_a_wrong_command_is_found(text: str, problem: str, registry: Registry, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"`{text}`\n")

    (shown,) = shown_in(page)
    assert problems_of(shown, registry) == [problem]


def steps_of_readme() -> list[str]:
    """Return the tags in README's table of steps: each text in code style of the second column."""
    table = (ROOT / "README.md").read_text("utf-8").partition("| step | tags |\n")[2].partition("\n\n")[0]
    cells = [row.split("|")[2] for row in table.splitlines() if row.count("|") == 3]
    return re.findall(r"`([^`]+)`", " ".join(cells))


def test_the_readme_has_its_table_of_steps() -> None:
    assert len(steps_of_readme()) > 35


@pytest.mark.parametrize("tags", steps_of_readme())
def test_a_step_in_the_readme_is_named_by_its_tags(tags: str, registry: Registry) -> None:
    assert registry.select(parse_query(tags))
