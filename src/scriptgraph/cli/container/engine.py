"""Container engines: which one answers, and its facts."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Literal

from scriptgraph.cli.container.refusals import explain
from scriptgraph.errors import DocumentError, ScriptGraphError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.immutable import Immutable
from scriptgraph.process.programs import ProcessFailed, capture

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["docker", "podman"]
# podman answers only after a build of another command lets go of its storage.
_TIMEOUT_S = 300.0
_ANSWER = Limits(size=4 << 20, depth=24, values=100_000)
_REMEDIES = {
    "docker": "install Docker Engine, or podman",
    "podman": "install podman (Debian, Ubuntu: apt install podman)",
}


class ContainerEngineError(ScriptGraphError):
    """No container engine can be used."""


class ContainerEngine(Immutable):
    """An engine that answers.

    Attributes:
        program: its command line, without arguments.
        kind: the engine behind the program: podman may be installed under docker's name.
        version: its version.
        rootless: whether it runs without root's rights.
        machine: the virtual machine that its containers run in; "" if there is none.
        selinux: whether it labels files for SELinux.
        runtime: the program that starts its containers ("crun"); "" if it does not tell.
    """

    program: str
    kind: Kind
    version: str
    rootless: bool
    machine: str = ""
    selinux: bool = False
    runtime: str = ""


def find_engine(choice: str, alternative: str) -> ContainerEngine:
    """Return the engine that was chosen, or else the first that answers: docker, then podman.

    Args:
        choice: "docker", "podman", or "" for either.
        alternative: a command that needs no engine, for messages.

    Raises:
        ContainerEngineError: none is installed and answers.
    """
    problems = []
    for program in [choice] if choice else ["docker", "podman"]:
        if shutil.which(program) is None:
            problems.append(f"{program} is not on PATH")
            remedy = _REMEDIES[program if choice else "docker"]
            continue
        try:
            return _ask(program)
        except ProcessFailed as failure:
            refusal = explain("\n".join((*failure.last_lines, failure.problem)))
            problems.append(f"no {program} engine answers ({failure})")
            remedy = refusal.remedy if refusal else f"`{program} info` shows more"
        except DocumentError as error:
            problems.append(f"no {program} engine answers ({error})")
            remedy = "update it, or choose the other engine by --container_engine"
    raise ContainerEngineError(f"{'; '.join(problems)}; {remedy}, or run without a container: {alternative}")


def _ask(program: str) -> ContainerEngine:
    """Return the facts that an engine reports of itself.

    Raises:
        ProcessFailed: it does not answer.
        DocumentError: its answer has another form.
    """
    where = f"{program} info"
    answer = parse_json(capture([program, "info", "--format", "{{json .}}"], timeout_s=_TIMEOUT_S), where, _ANSWER)
    if isinstance(answer, dict) and isinstance(answer.get("host"), dict):
        return _podman(program, answer)
    if isinstance(answer, dict) and answer.get("ServerErrors"):
        raise ProcessFailed(program, "reports an error", [str(answer["ServerErrors"])])
    if not isinstance(answer, dict) or not isinstance(answer.get("ServerVersion"), str):
        raise DocumentError(where, "", "has neither docker's form nor podman's")
    return _docker(program, answer)


def _docker(program: str, answer: Mapping[str, Any]) -> ContainerEngine:
    security = " ".join(map(str, answer.get("SecurityOptions") or ()))
    return ContainerEngine(
        program,
        "docker",
        answer["ServerVersion"],
        "rootless" in security,
        _machine_of(str(answer.get("OperatingSystem", "")), str(answer.get("KernelVersion", ""))),
        "selinux" in security,
        str(answer.get("DefaultRuntime") or ""),
    )


def _podman(program: str, answer: Mapping[str, Any]) -> ContainerEngine:
    host, version = answer["host"], answer.get("version")
    security = host.get("security")
    security = security if isinstance(security, dict) else {}
    runtime = host.get("ociRuntime")
    runtime = runtime if isinstance(runtime, dict) else {}
    number = version.get("Version") if isinstance(version, dict) else None
    machine = "podman's machine" if host.get("serviceIsRemote") is True else ""
    return ContainerEngine(
        program,
        "podman",
        str(number or "of unknown version"),
        security.get("rootless") is True,
        machine or _machine_of("", str(host.get("kernel", ""))),
        security.get("selinuxEnabled") is True,
        str(runtime.get("name") or ""),
    )


def _machine_of(system: str, kernel: str) -> str:
    """Return the virtual machine of an engine on a desktop; "" if it is none that is known."""
    if "Docker Desktop" in system:
        return "Docker Desktop's virtual machine"
    if "microsoft" in kernel.lower():
        return "WSL's virtual machine"
    return "" if sys.platform == "linux" else "a virtual machine"


def own_user(engine: ContainerEngine) -> str:
    """Return the user and group in the container that are the caller outside."""
    # In a rootless container, root is the caller; podman can keep the caller's own number, see ContainerSettings.
    return "0:0" if engine.rootless else f"{os.getuid()}:{os.getgid()}"
