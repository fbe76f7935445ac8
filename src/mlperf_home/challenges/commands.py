"""The commands `cm find`, `show`, `run` and `replay challenge`."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.bundle import make_bundle
from mlperf_home.challenges.bundles.sender import UNNAMED, signer_of
from mlperf_home.challenges.command_table import challenge_command
from mlperf_home.challenges.definition.lock import write_lock
from mlperf_home.challenges.definition.machine import this_machine
from mlperf_home.challenges.definition.manifest import ChallengeError, find_challenges, load_challenge
from mlperf_home.challenges.definition.run_folder import open_run, places_of
from mlperf_home.challenges.replays.replay import replay
from mlperf_home.challenges.runs.arguments import RunContext, chosen_workflows, read_options
from mlperf_home.challenges.runs.run import (
    compare_locks,
    redaction_of,
    require_locked,
    require_machine,
    require_open,
    run_all,
    run_identity,
)
from mlperf_home.challenges.runs.workflows import command_text
from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.embed import (
    ARTIFACTS,
    FoundArtifact,
    Option,
    Section,
    failing_on,
    load_registry,
    show_sections,
)
from scriptgraph.files.digest_log import DigestLog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge, Needs
    from scriptgraph.embed import Arguments, RunConsole


def answer(action: str, command: Mapping[str, Any], repositories: Sequence[Path] = ()) -> dict[str, Any]:
    """Run `cm ACTION challenge`; ACTION is find, show, run or replay.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; other keys hold the outcome.
    """

    def run_action(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
        with failing_on(LocatedError):
            return _ACTIONS[action](arguments, (*ENGINE.repositories().roots, *repositories), console)

    def own_options(name: str) -> list[tuple[str, list[Option]]]:
        with failing_on(LocatedError):
            challenge = load_challenge((*ENGINE.repositories().roots, *repositories), name)
        return [(f"Options of {name}", [Option(option, "text", text) for option, text in challenge.options.items()])]

    table = challenge_command(action)
    return ENGINE.answer(table, command, run_action, own_options if table.open_to else None)


def _find(arguments: Arguments, roots: Sequence[Path], console: RunConsole) -> dict[str, Any]:
    conditions = [word for word in (arguments.word, *arguments.tags) if word]
    challenges, problems = find_challenges(roots, conditions)
    for problem in problems:
        console("warned", "challenge", {"message": problem})
    if conditions and not challenges:
        names = ", ".join(each.name for each in find_challenges(roots)[0])
        raise ChallengeError(
            "cm find challenge", f"no challenge matches {' and '.join(conditions)}", f"use one of {names}"
        )
    today = _today()
    if not arguments.as_json:
        rows = [(each.name, _dates(each, today), each.title) for each in challenges]
        header = ("challenge", "open", "title")
        show_sections([Section("", rows, header) if rows else Section("there are no challenges")])
    found = [{"name": each.name, "title": each.title, "state": each.state(today)} for each in challenges]
    folders = [str(each.folder) for each in challenges]
    artifacts = [FoundArtifact(path, partial(dict, each)) for path, each in zip(folders, found, strict=True)]
    return {"challenges": found, ARTIFACTS: artifacts}


def _show(arguments: Arguments, roots: Sequence[Path], _console: RunConsole) -> dict[str, Any]:
    challenge = load_challenge(roots, arguments.word)
    head = [
        ("folder", str(challenge.folder)),
        ("open", _dates(challenge, _today())),
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
        sections.append(Section("Options", [(f"--{name}", text) for name, text in challenge.options.items()]))
    for each in challenge.workflows:
        modes = (("official", each.official), ("sample", each.sample))
        rows = [
            row for name, mode in modes for row in ((name, mode.call.tags), (f"{name} needs", _needs_text(mode.needs)))
        ]
        sections.append(Section(f"Workflow {each.name}: {each.title}", rows))
    run = f"cm run challenge {challenge.name}"
    sections.append(Section("To run it", [(f"{run} --sample",), (f"{run} --check",), (run,)]))
    if not arguments.as_json:
        show_sections(sections)
    return {"challenge": {section.title: [list(row) for row in section.rows] for section in sections}}


def _needs_text(needs: Needs) -> str:
    parts = [needs.cpu_words]
    parts += [f"{needs.disk_gb:g} GB of disk"] if needs.disk_gb else []
    parts += [f"{needs.memory_gb:g} GB of memory"] if needs.memory_gb else []
    parts += [f"--{name}" for name in needs.options]
    parts += [f"the results of {' or '.join(needs.after)}"] if needs.after else []
    return "; ".join(filter(None, parts)) or "nothing"


def _dates(challenge: Challenge, today: date) -> str:
    return f"{challenge.opened} to {challenge.closed}: {challenge.state(today)}"


def _run(arguments: Arguments, roots: Sequence[Path], console: RunConsole) -> dict[str, Any]:
    context = _run_context(arguments, roots, console)
    challenge, options = context.challenge, context.options
    registry = load_registry(roots)
    if "lock" in options.on:
        path = write_lock(challenge, registry)
        context.say(f"locked the present scripts: {path}")
        return {"lock": str(path)}
    workflows = chosen_workflows(challenge, arguments.words("only"))
    root = context.root("sample" if context.sample else "official")
    if "plan" in options.on:
        calls = ((each.name, each.mode(sample=context.sample).call) for each in workflows)
        commands = {name: command_text(context, call, places_of(root, name, context.hw_name)) for name, call in calls}
        for line in commands.values():
            context.say(line)
        return {"commands": commands}
    context = _with_signer(context)
    locks = compare_locks(challenge, registry)
    require_open(context, locks)
    require_locked(context, locks)
    requirements = require_machine(context, workflows, root)
    rows = [(f"{each.workflow} needs {each.wanted}", each.here) for each in requirements]
    console("tabled", challenge.name, {"title": "Requirements: all met", "rows": rows})
    if "check" in options.on:
        return {"requirements": [list(row) for row in rows]}
    root.parent.mkdir(parents=True, exist_ok=True)
    identity, new = run_identity(context, locks), "new" in options.on
    with open_run(root, identity, challenge.workflows, workflows, anew=new) as run_folder:
        failed, description = run_all(context, run_folder, workflows, requirements, locks)
        bundle = make_bundle(run_folder, challenge, description, redaction_of(context, root), context.options.signer)
    DigestLog(options.home / "state").add(sha256_of(bundle))
    paths = {"report": str(root / "report.md"), "page": str(root / "report.html"), "bundle": str(bundle)}
    title = "SAMPLE RESULTS, no MLPerf results" if context.sample else challenge.title
    console("tabled", challenge.name, {"title": title, "rows": [*paths.items()]})
    following = next_commands(challenge.name, options.home, root, bundle)
    console("suggested", challenge.name, {"commands": following})
    return {**paths, "failed": failed, **_error_of(failed)}


def _with_signer(context: RunContext) -> RunContext:
    """Return the context with who signs its bundles; an unsigned bundle has no name.

    Raises:
        SenderError: the contributor's link cannot be used.
        SignatureError: the key cannot sign.
    """
    options = context.options
    key, name, link = options.path("sign_key"), options.text("submitter"), options.text("submitter_link")
    if key is None:
        if name not in {"", UNNAMED} or link:
            context.say("without --sign_key the bundle has no name: nobody could tell that it is yours")
        return context
    signer = signer_of(key, name, link, options.home / "state")
    return replace(context, options=replace(options, signer=signer))


def next_commands(name: str, home: Path, root: Path, bundle: Path) -> list[dict[str, str]]:
    """Return the commands to show after a run of a challenge, each with `purpose` and `command`."""
    places = [] if home == PRODUCT.home else [f"--home={home}"]
    commands = {
        "see the results": ["cm", "show", "result", f"--results_dir={root}", *places],
        "verify the bundle": ["cm", "run", "script", "--tags=verify,bundle", f"--bundle={bundle}", *places],
        "replay it": ["cm", "replay", "challenge", name, f"--results={bundle}", *places],
    }
    return [{"purpose": purpose, "command": shlex.join(words)} for purpose, words in commands.items()]


def _replay(arguments: Arguments, roots: Sequence[Path], console: RunConsole) -> dict[str, Any]:
    context = _run_context(arguments, roots, console)
    bundle = context.options.path("results")
    if bundle is None:
        advice = f"write cm replay challenge {context.challenge.name} --results=BUNDLE"
        raise ChallengeError("--results", "no bundle is named", advice)
    context = _with_signer(context)
    locks = compare_locks(context.challenge, load_registry(roots))
    require_locked(context, locks)
    replayed = replay(context, locks, bundle, console.text)
    report = replayed.report
    rows = [("verdict", report.verdict), ("report", str(replayed.path))]
    rows += [("bundle", str(path)) for path in replayed.bundles]
    for each in report.results:
        verdicts = Counter(value.verdict for value in each.values)
        text = ", ".join(f"{count} {name}" for name, count in verdicts.items()) if each.there else "missing"
        rows.append((f"{each.workflow}: {each.model}, {each.scenario}", text))
    console("tabled", context.challenge.name, {"title": "Reproducibility", "rows": rows})
    verdict = {"verdict": report.verdict, "results": encode(report.results), "report": str(replayed.path)}
    verdict["bundles"] = [str(path) for path in replayed.bundles]
    return {**verdict, "failed": dict(report.failed), **_error_of(report.failed)}


_ACTIONS = {"find": _find, "show": _show, "run": _run, "replay": _replay}


def _run_context(arguments: Arguments, roots: Sequence[Path], console: RunConsole) -> RunContext:
    challenge = load_challenge(roots, arguments.word)
    options = read_options(arguments, challenge)

    def say(message: str) -> None:
        console("said", challenge.name, {"message": message})

    return RunContext(challenge, options, this_machine(), say, _today())


def _error_of(failed: Mapping[str, str]) -> dict[str, str]:
    if not failed:
        return {}
    errors = "; ".join(f"{name}: {error}" for name, error in failed.items())
    return {"error": f"{len(failed)} of the workflows failed; repeat the command to retry them: {errors}"}


def _today() -> date:
    return datetime.now(timezone.utc).date()
