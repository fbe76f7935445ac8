"""The programs of a volunteer's night: a workflow of a challenge under guard, and the sending of its bundle."""

from __future__ import annotations

import os
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import parse_document, write_document
from mlperf_home.contracts.leaderboard.participation import GuardedRun
from mlperf_home.leaderboard.participation.guarded_run import GuardedEnding
from mlperf_home.product import ENGINE
from scriptgraph.embed import load_registry, parse_query
from scriptgraph.errors import DocumentError, ScriptGraphError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlperf_home.contracts.leaderboard.participation import TakenRun
    from mlperf_home.leaderboard.participation.choosing import ChosenRun
    from mlperf_home.leaderboard.participation.kept import KeptParticipation
    from scriptgraph.api import Context

_REPOS = "CM_REPOS"
_SEND = "send,bundle"
_ANSWER = Limits(size=1 << 20, depth=20, values=10_000)


@dataclass(frozen=True)
class NightPrograms:
    """Starts the programs of a night, each in a process of its own.

    Attributes:
        own: the machine's own options of challenges, by name.
    """

    context: Context
    kept: KeptParticipation
    own: Mapping[str, str]

    def run(self, run: ChosenRun, end: datetime | None, *, sample: bool) -> GuardedEnding:
        """Run a workflow until a time, and return how it ended."""
        context = self.context
        own = {name: value for name, value in self.own.items() if name in run.challenge.options}
        command: dict[str, str | bool] = {
            **own,
            "only": run.workflow.name,
            "results_dir": str(self.kept.results(run)),
            "home": str(context.results_home),
            "skip_probe": True,
        }
        command |= {"sample": True} if sample else {}
        command |= {"offline": True} if context.switches.offline else {}
        if key := context.path("CM_PARTICIPATE_SIGN_KEY"):
            command |= {"sign_key": str(key), "submitter": context.text("CM_PARTICIPATE_SUBMITTER", "unnamed")}
        request = GuardedRun(
            challenge=run.challenge.name,
            command=command,
            ends_utc=end.isoformat() if end else "",
            watched=context.flag("CM_PARTICIPATE_WATCHED"),
        )
        path = context.output / "request.json"
        write_document(path, request)
        context.say(f"running {run.name}: cm run challenge {run.challenge.name} --only={run.workflow.name}")
        argv = [sys.executable, str(BOOTSTRAP), "mlperf_home.leaderboard.participation", "--request", str(path)]
        last: deque[str] = deque(maxlen=5)
        completed = context.command(argv, env=self.environment(), check=False, on_line=last.append)
        for line in reversed(last):
            with suppress(DocumentError):
                return parse_document(line, GuardedEnding, "its last line")
        return GuardedEnding(ending="failed", because="; ".join(completed.last_lines[-2:]) or "it ended without a word")

    def send(self, run: TakenRun, receiver: str) -> bool:
        """Send a bundle by the script of that name; return whether it was sent."""
        context = self.context
        if not receiver:
            context.say(f"the bundle is kept, and sent nowhere: {run.bundle}")
            return False
        if context.switches.offline:
            context.say(f"the bundle is kept, and sent the next time without --offline: {run.bundle}")
            return False
        try:
            load_registry(ENGINE.repositories().roots).select(parse_query(_SEND))
        except ScriptGraphError:
            context.warn(f"the bundle is kept: no script {_SEND} is installed here to send it: {run.bundle}")
            return False
        options = [f"--bundle={run.bundle}", f"--to={receiver}", "--consent=yes", self.home(), "--out=json"]
        argv, lines = [*self.program(), "run", "script", f"--tags={_SEND}", *options], list[str]()
        completed = context.command(argv, env=self.environment(), check=False, on_line=lines.append)
        answer = _answer(lines)
        if completed.ok:
            exports = answer.get("new_env", {})
            words = filter(None, (exports.get("CM_SEND_STATE", ""), exports.get("CM_SEND_PAGE", "")))
            context.say(f"the bundle was sent: {printable_name(', '.join(words)) or receiver}")
        else:
            reason = answer.get("error") or next(iter(completed.last_lines[-1:]), "it ended without a word")
            context.warn(f"the bundle was not sent ({reason}); the next call tries it again: {run.bundle}")
        return completed.ok

    def home(self) -> str:
        """Return the option that names the home folder."""
        return f"--home={self.context.results_home}"

    @staticmethod
    def program() -> list[str]:
        """Return the words that start this program."""
        return [sys.executable, str(BOOTSTRAP), "mlperf_home"]

    @staticmethod
    def environment() -> dict[str, str]:
        """Return the environment of a child beyond what every child has."""
        return {_REPOS: os.environ[_REPOS]} if os.environ.get(_REPOS) else {}


def _answer(lines: Sequence[str]) -> Mapping[str, Any]:
    """Return the answer of a command with `--out=json`; nothing if there is none."""
    with suppress(DocumentError):
        answer = parse_json("\n".join(lines), "the answer", _ANSWER)
        return answer if isinstance(answer, dict) else {}
    return {}
