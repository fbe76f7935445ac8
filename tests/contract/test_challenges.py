"""The challenges of this repository: manifests, locks, and every command of their guides."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from cmind.cli import parse

import mlperf_home.challenges
from mlperf_home.challenges.command_table import challenge_command
from mlperf_home.challenges.commands import answer
from mlperf_home.challenges.definition.lock import LOCK_NAME, lock_differences, make_lock, read_lock
from mlperf_home.challenges.definition.manifest import find_challenges, load_challenge
from mlperf_home.challenges.runs.arguments import read_options
from mlperf_home.experiments.command_table import experiment_command
from mlperf_home.product import PRODUCT
from mlperf_home.rules import load_round
from scriptgraph.catalog.registry import load_registry
from scriptgraph.cli.commands.decoder import decode
from scriptgraph.cli.commands.script import script_command
from scriptgraph.cli.runs.run_options import read_run
from scriptgraph.errors import NoScriptError
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.options import check_env
from scriptgraph.planning.plan import Request
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from mlperf_home.challenges.definition.manifest import Challenge

ROOT = Path(__file__).parents[2]
REGISTRY = load_registry([ROOT])
CHALLENGES, BROKEN = find_challenges([ROOT])
SCHEMA = json.loads((Path(mlperf_home.challenges.__file__).parent / "definition" / "challenge.schema.json").read_text())
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = [
    (path.relative_to(ROOT).as_posix(), line.strip())
    for challenge in CHALLENGES
    for path in sorted(challenge.folder.glob("*.md"))
    for block in BLOCK.findall(path.read_text(encoding="utf-8"))
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
COMMANDS += [
    ("README.md", line)
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("cm ") and (" challenge " in line or "verify,bundle" in line)
]
# The commands in the docs of challenges, experiments and pictures, indented or in a block.
COMMANDS += [
    (f"docs/{name}.md", line.strip())
    for name in ("challenges", "experiments", "exploration", "pictures")
    for line in (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"(    )?cm ", line)
]


def named(challenge: Challenge) -> str:
    return challenge.name


def test_the_challenges_of_2023_are_there() -> None:
    assert BROKEN == []
    assert {each.name for each in CHALLENGES} >= {
        "run-mlperf@home-v3.1-cpu",
        "optimize-mlperf-inference-v3.1-deepsparse",
    }


@pytest.mark.parametrize("challenge", CHALLENGES, ids=named)
class TestChallenge:
    def test_its_manifest_is_valid_for_the_schema_and_cmind(self, challenge: Challenge) -> None:
        made = json.loads((challenge.folder / "_cm.json").read_text())
        automation = json.loads((ROOT / "cm-repo" / "challenge" / "_cm.json").read_text())

        jsonschema.Draft202012Validator(SCHEMA).validate(made)
        assert made["automation_uid"] == automation["uid"]
        assert re.fullmatch(r"[0-9a-f]{16}", made["uid"])

    def test_its_readme_says_when_it_is_open(self, challenge: Challenge) -> None:
        text = (challenge.folder / "README.md").read_text()

        assert all(guide in text for guide in challenge.guides)
        assert f"{challenge.closed.day} {challenge.closed:%B %Y}" in text

    def test_its_commands_have_plans(self, challenge: Challenge) -> None:
        modes = [mode for each in challenge.workflows for mode in (each.official, each.sample)]
        absent = []
        for call in (each.call for mode in modes for each in (mode, mode.probe) if each):
            request = Request(parse_query(call.tags), inputs=dict(call.options), env=dict(call.env))
            try:
                resolve(request, REGISTRY)
            except NoScriptError:
                absent.append(call.tags)
        if absent:
            pytest.skip(f"there is no script for {'; '.join(absent)}")

    def test_it_ranks_by_values_that_measurements_have(self, challenge: Challenge) -> None:
        rules = load_round("v3.1")
        units = {metric.unit for metric in rules.metrics.values()}

        for metric in challenge.metrics:
            assert metric.benchmark in rules.benchmarks
            assert metric.name in {*units, "f1_percent", "top1_percent", "exact_match_percent", "peak_memory_bytes"}

    def test_its_lock_is_up_to_date(self, challenge: Challenge) -> None:
        differing = lock_differences(read_lock(challenge), make_lock(challenge, REGISTRY))

        assert not differing, (
            f"{challenge.folder / LOCK_NAME}: is out of date ({differing[0]}, {len(differing)} in all);"
            f" renew it: cm run challenge {challenge.name} --lock"
        )


@pytest.mark.parametrize(("file", "line"), COMMANDS, ids=[f"{file}: {line}" for file, line in COMMANDS])
def test_a_command_of_a_guide_can_be_run(file: str, line: str, tmp_path: Path) -> None:
    program, *words = shlex.split(line)
    assert program == "cm", "guides use cm alone"
    parsed = parse(words)
    assert parsed["return"] == 0
    command: dict[str, Any] = {**parsed["cm_input"], "out": None}
    action, automation = command["action"], command["automation"]
    if automation != "challenge" or action in {"run", "replay"}:
        command["home"] = str(tmp_path / "home")
    if automation == "experiment":
        assert decode(experiment_command(action), command)
        return
    if automation == "script":
        request, _ = read_run(decode(script_command("run", PRODUCT), command), PRODUCT)
        check_env(resolve(request, REGISTRY).root, request, REGISTRY)
        return
    if action == "replay":
        challenge = load_challenge([ROOT], command["artifact"])
        assert read_options(decode(challenge_command("replay"), command), challenge).path("results")
        return
    if action == "run":
        challenge = load_challenge([ROOT], command["artifact"])
        assert read_options(decode(challenge_command("run"), command), challenge)
        answered = answer("run", {**command, "plan": True})
    else:
        answered = answer(action, command)
    assert answered["return"] == 0, answered.get("error")
    assert not (tmp_path / "home").exists()
