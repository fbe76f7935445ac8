"""What the terminal shows of challenges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.embed import Section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mlperf_home.challenges.definition.manifest import Challenge, Needs, Workflow


def found_section(found: Sequence[Challenge], today: date) -> Section:
    """Give challenges, one a line."""
    rows = [(each.name, _dates(each, today), each.title) for each in found]
    return Section("" if rows else "there is no such challenge", rows, ("challenge", "open", "what") if rows else ())


def challenge_sections(challenge: Challenge, today: date) -> list[Section]:
    """Give all of one challenge."""
    head = [
        ("folder", str(challenge.folder)),
        ("open", _dates(challenge, today)),
        ("points", str(challenge.points)),
        ("tags", ",".join(challenge.tags)),
        *(("guide", str(challenge.folder / name)) for name in challenge.guides),
    ]
    sections = [
        Section(f"{challenge.name}: {challenge.title}", head),
        Section("Rules", [(f"{number}.", rule) for number, rule in enumerate(challenge.rules, 1)]),
        Section("Ranked by", [(each.benchmark, each.name, each.better) for each in challenge.metrics]),
    ]
    if challenge.options:
        sections.append(Section("Options", [(f"--{name}", what) for name, what in challenge.options.items()]))
    sections += [Section(f"Workflow {each.name}: {each.title}", _workflow_rows(each)) for each in challenge.workflows]
    run = f"cm run challenge {challenge.name}"
    sections.append(Section("To run it", [(f"{run} --sample",), (f"{run} --check",), (run,)]))
    return sections


def _workflow_rows(workflow: Workflow) -> list[tuple[str, str]]:
    return [
        row
        for title, mode in (("official", workflow.official), ("sample", workflow.sample))
        for row in ((title, mode.call.tags), (f"{title} wants", _wanted(mode.needs)))
    ]


def _wanted(needs: Needs) -> str:
    words = [" or ".join(" with ".join((each, *features)) for each, features in needs.cpus.items())]
    words += [f"{needs.disk_gb:g} GB of disk"] if needs.disk_gb else []
    words += [f"{needs.memory_gb:g} GB of memory"] if needs.memory_gb else []
    words += [f"--{name}" for name in needs.options]
    words += [f"what {' or '.join(needs.after)} leaves"] if needs.after else []
    return "; ".join(word for word in words if word) or "nothing of its own"


def _dates(challenge: Challenge, today: date) -> str:
    return f"{challenge.opened} to {challenge.closed}: {challenge.state(today)}"
