"""The lines of a bug report: machine, software, the last failed run; without names of people, machines and networks."""

from __future__ import annotations

import ipaddress
import os
import platform
import re
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.machine.container import read_container
from mlperf_home.measurements.layout import json_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scriptgraph.api import Context

# The project and what it depends on, as pyproject.toml names them.
PACKAGES = ("mlperf-home", "cmind", "jinja2", "msgspec", "packaging", "pyyaml", "requests", "rich", "uv")
UNKNOWN = "unknown"
ADDRESS, USER, MACHINE = "<address>", "<user>", "<machine>"

_MOST_RECORDS = 200
_GIB = 1 << 30
_URL_HOST = re.compile(r"(?<=://)[^/\s\"'<>()\[\]]+")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MAC = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b")
_IP = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\w)|[0-9A-Fa-f:.]{3,}(?<!\.)(?![\w:]))")


class Identity(NamedTuple):
    """The words that identify a user and a machine."""

    home: str
    user: str
    machine: str

    @classmethod
    def of_this_process(cls) -> Identity:
        """Read the home folder, the user's name and the machine's; an empty text where there is none."""
        user = next(filter(None, map(os.environ.get, ("LOGNAME", "USER"))), "")
        with suppress(KeyError):
            import pwd  # noqa: PLC0415 - needed here alone

            user = pwd.getpwuid(os.getuid()).pw_name
        home = ""
        with suppress(RuntimeError):
            home = str(Path.home())
        return cls(home, user, os.uname().nodename)

    def removed_from(self, text: str) -> str:
        """Return the text with ~ for the home folder and marks for user, machine and addresses.

        The user `root` stays: every Linux machine has one.
        """
        if self.home.strip("/"):
            text = re.sub(rf"{re.escape(self.home.rstrip('/'))}(?![\w.-])", "~", text)
        for pattern in (_URL_HOST, _MAIL, _MAC):
            text = pattern.sub(ADDRESS, text)
        text = _IP.sub(_without_address, text)
        names = [(self.machine, MACHINE), (self.machine.partition(".")[0], MACHINE), (self.user, USER)]
        for name, mark in names:
            if name and name not in {"root", "localhost"}:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", mark, text, flags=re.IGNORECASE)
        return text


def _without_address(found: re.Match[str]) -> str:
    for address in (found[0], found[0].rstrip(":")):
        if _is_ip(address):
            return ADDRESS + found[0][len(address) :]
    return found[0]


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def machine_lines(context: Context) -> Iterator[str]:
    """Yield a line for each fact that detect-os and detect-cpu export; `unknown` for what the machine does not tell."""

    def fact(key: str) -> str:
        return context.text(key, UNKNOWN)

    yield f"OS: {fact('CM_HOST_OS_NAME')}, {fact('CM_HOST_OS_LIBC')}"
    yield f"kernel: {fact('CM_HOST_OS_KERNEL_VERSION')} {fact('CM_HOST_PLATFORM_FLAVOR')}"
    yield f"CPU: {fact('CM_HOST_CPU_MODEL_NAME')}"
    yield (
        f"cores: {fact('CM_HOST_CPU_TOTAL_CORES')} physical in {fact('CM_HOST_CPU_SOCKETS')} sockets, "
        f"{fact('CM_HOST_CPU_TOTAL_LOGICAL_CORES')} logical, {fact('CM_HOST_CPU_USABLE')} usable"
    )
    yield f"CPU features: {fact('CM_HOST_CPU_FEATURES')}"
    yield f"hypervisor: {context.text('CM_HOST_CPU_HYPERVISOR', 'none detected')}"
    container = read_container()
    yield f"container: {container.in_words() if container else 'none detected'}"
    memory = context.whole("CM_HOST_MEMORY_BYTES")
    yield f"memory: {UNKNOWN if memory is None else f'{memory / _GIB:.1f} GiB'}"


def software_lines(cached: Mapping[str, Any]) -> Iterator[str]:
    """Yield Python, the packages' versions, CM_REPOS and the environments that `find cache` answered with."""
    environment = "in a virtual environment" if sys.prefix != sys.base_prefix else "without a virtual environment"
    yield f"Python: {platform.python_implementation()} {platform.python_version()}, {environment}"
    yield f"packages: {', '.join(f'{name} {_version(name)}' for name in PACKAGES)}"
    yield f"CM_REPOS: {os.environ.get('CM_REPOS') or 'not set; ~/CM'}"
    if "entries" in cached:
        titles = sorted({each["title"] for each in cached["entries"]})
        yield f"cached environments: {'; '.join(titles) or 'none'}"
    else:
        yield f"cached environments: {UNKNOWN} ({cached.get('error', 'the cache cannot be read')})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def last_failure(records: Path) -> Iterator[str]:
    """Yield error and log of the newest run that failed, among the newest records."""
    folders = sorted((path for path in records.glob("*") if path.is_dir()), reverse=True)[:_MOST_RECORDS]
    for folder in folders:
        record = json_object(folder / "record.json")
        if record.get("status") != "failed":
            continue
        error = str(record.get("error") or UNKNOWN).strip().splitlines()
        yield f"last failed run: {folder.name}"
        yield f"error: {error[0] if error else UNKNOWN}"
        yield f"log: {_failed_log(folder, record) or 'none'}"
        return
    yield f"last failed run: none among {len(folders)} records"


def _failed_log(folder: Path, record: Mapping[str, Any]) -> str:
    """Return the log of the step that failed last; a relative name starts at the record's folder."""
    steps = record.get("steps")
    logs = [
        each["log"]
        for each in (steps if isinstance(steps, list) else ())
        if isinstance(each, dict) and each.get("status") == "failed" and isinstance(each.get("log"), str)
    ]
    return str(folder / logs[-1]) if logs else ""
