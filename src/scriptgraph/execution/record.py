"""The record of a run: the plan, the steps that ran, and their results."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.files.atomic import LockedJson, replace_bytes
from scriptgraph.files.sha256 import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.files.digest_log import DigestLog

# The part of a URL before @. With http it may be a token and is masked; elsewhere it is masked only with a password,
# because a replay needs the user of ssh://git@host. Replays need queries too.
_CREDENTIALS = re.compile(r"(?:(?<=http://)|(?<=https://))[^/@\s\"\\]+@|(?<=://)[^/@:\s\"\\]*:[^/@\s\"\\]+@")


class StepRecord:
    """The record of one step.

    Attributes:
        status: done, cached, skipped or failed.
        start_ns, end_ns: Unix time in nanoseconds.
        messages: the step's lines for the user, also those that are shown only with -v.
    """

    def __init__(self, title: str, alias: str, version: str, start_ns: int = 0) -> None:
        self.title, self.alias, self.version, self.start_ns, self.end_ns = title, alias, version, start_ns, 0
        self.status = "failed"
        self.cache_key: str | None = None
        self.reason: str | None = None
        self.commands: list[dict[str, Any]] = []
        self.exports: dict[str, Any] = {}
        self.messages: list[str] = []
        self.log: str | None = None


class Record:
    """The record of a run, stored as JSON beside its logs; status is running, done, failed or interrupted.

    Attributes:
        steps: the steps in the order in which they started.
        exports: the exports of the requested script.
        plan: the steps settled before the run, from `Plan.summary`.
        expected: the expected duration before the run and its corrections, from `Forecast`; None without estimates.
    """

    def __init__(self, schema: str, plan_fingerprint: str, request: Mapping[str, Any], start_ns: int = 0) -> None:
        self.schema = schema
        self.plan_fingerprint, self.request = plan_fingerprint, dict(request)
        self.status, self.start_ns, self.end_ns = "running", start_ns, 0
        self.error: str | None = None
        self.host: dict[str, Any] = {}
        self.plan: list[dict[str, object]] = []
        self.expected: dict[str, Any] | None = None
        self.steps: list[StepRecord] = []
        self.exports: dict[str, Any] = {}

    def write(self, path: Path, written: DigestLog) -> None:
        """Write the record atomically, and its digest to the log of the home's own documents.

        Credentials in URLs are masked, because records are shown, copied and put into bundles.
        """
        document = {**vars(self), "steps": [vars(step) for step in self.steps]}
        # People read finished records; while a run continues, one line is written ten times as fast.
        indent = None if self.status == "running" else 1
        text = json.dumps(document, indent=indent, default=str)
        if "@" in text:  # spares short commands the search
            text = without_credentials(text)
        content = (text + "\n").encode()
        # First the log: a killed run leaves no record of its own that counts as another's.
        written.add(sha256(content).hexdigest())
        replace_bytes(path, content)


def without_credentials(text: str) -> str:
    """Return a text with the users and passwords in its URLs masked."""
    return _CREDENTIALS.sub("***@", text)


def host_facts(packages: Sequence[str]) -> Mapping[str, Any]:
    """Return the operating system, the machine's architecture, Python's version and the versions of packages."""
    system = os.uname()
    try:
        library = (os.confstr("CS_GNU_LIBC_VERSION") or "").replace(" ", "")
    except (ValueError, OSError):  # musl has no such value
        library = ""
    parts = (system.sysname, system.release, system.machine, *(["with", library] if library else []))
    # None stands for a package that is not installed: a checkout used in place.
    return {
        # Equals `platform.platform()`, which searches the interpreter's file for the C library.
        "system": "-".join(parts),
        "machine": system.machine,
        "python": sys.version.split()[0],
        "packages": installed_versions(packages),
    }


def installed_versions(packages: Sequence[str]) -> dict[str, str | None]:
    """Return the versions of packages, None if not installed; importing `importlib.metadata` would take 10 ms."""
    found: dict[str, str | None] = dict.fromkeys(packages)
    prefixes = {f"{package.replace('-', '_')}-": package for package in packages}
    for place in sys.path:
        try:
            names = [name for name in os.listdir(place or ".") if name.startswith(tuple(prefixes))]  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            package = next(package for prefix, package in prefixes.items() if name.startswith(prefix))
            if name.endswith(".dist-info") and found[package] is None:
                path = Path(place, name, "METADATA")
                with suppress(OSError, UnicodeDecodeError), path.open(encoding="utf-8") as lines:
                    found[package] = next((line.split()[1] for line in lines if line.startswith("Version: ")), None)
    return found


def new_run_folder(root: Path, alias: str) -> Path:
    """Create the folder of a run; its name sorts by time, and is unique."""
    seconds, rest_ns = divmod(time.time_ns(), 1_000_000_000)
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{rest_ns // 1000:06}"
    folder = root / f"{stamp}-{alias}-{os.getpid()}"
    (folder / "logs").mkdir(parents=True)
    return folder


# The shortest duration that is worth storing.
LEAST_S = 1.0


class Durations:
    """The last duration of each step in seconds, by title, in a JSON file below `state`."""

    def __init__(self, state: Path) -> None:
        self._file = LockedJson(state / "durations.json")

    def known(self) -> Mapping[str, float]:
        """Return the seconds by title."""
        return {title: each for title, each in self._file.read().items() if isinstance(each, (int, float))}

    def note(self, steps: list[StepRecord]) -> None:
        """Store the durations of cached steps that were made, and of others that ran for `LEAST_S` or longer."""
        took = {each: (each.end_ns - each.start_ns) / 1e9 for each in steps if each.status == "done"}
        # Those of cached steps are few, and a plan counts them as unknown without.
        long = {each.title: round(took[each], 3) for each in took if took[each] >= LEAST_S or each.cache_key}
        if long:
            self._file.update(lambda document: document.update(long))
