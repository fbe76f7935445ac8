"""A program that stands for docker or podman: it notes how it is called, and refuses what a test wants."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = r"""#!{python}
import json, os, re, sys
from pathlib import Path

folder, words = Path({folder!r}), sys.argv[1:]
answers = json.loads((folder / "answers.json").read_text())
secret = next((word.partition("src=")[2] for word in words if word.startswith("id=index,src=")), "")
note = {{
    "words": words,
    "secret": Path(secret).read_text() if secret else "",
    "secret_mode": Path(secret).stat().st_mode & 0o777 if secret else 0,
    "env": {{name: value for name, value in os.environ.items() if name in answers["watched"]}},
}}
with open(folder / "calls", "a") as calls:
    calls.write(json.dumps(note) + "\n")
line = " ".join(words)
for pattern, without, message, status in answers["refusals"]:
    if re.search(pattern, line) and not (without and re.search(without, line)):
        print(message, file=sys.stderr)
        sys.exit(status)
command = next((word for word in words if not word.startswith("-")), "")
if command == "info":
    print(json.dumps(answers["info"]))
elif command == "image":
    facts = answers["images"].get(words[-1], answers["images"].get("*"))
    if facts is None:
        sys.exit("Error: No such image: " + words[-1])
    print(json.dumps([facts]))
elif command == "run" and "scriptgraph.cli.container.inside" in words:
    cpus = re.search(r"--cpuset-cpus=(\S+)|--cpu-list (\S+)", line)
    parts = [part.split("-") for part in ((cpus[1] or cpus[2]) if cpus else "0-3").split(",")]
    memory = re.search(r"--memory=(\d+)", line)
    paths = words[words.index("scriptgraph.cli.container.inside") + 1 :]
    seen = [path for path in paths if path not in answers["hidden"] or "label=disable" in line]
    facts = {{
        "cpus": [each for part in parts for each in range(int(part[0]), int(part[-1]) + 1)],
        "memory_bytes": int(memory[1]) if memory else None,
        "readable": seen,
        "writable": seen,
    }}
    print(json.dumps(facts if answers["obeys"] else {{**facts, "cpus": [0, 1, 2, 3], "memory_bytes": None}}))
elif command == "run":
    print("said in the container")
"""

DOCKER_INFO: dict[str, Any] = {
    "ServerVersion": "27.3.1", "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "KernelVersion": "6.1.0-26-amd64",
    "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"], "CPUSet": True,
    "ServerErrors": None,
}  # fmt: skip
PODMAN_INFO: dict[str, Any] = {
    "host": {
        "kernel": "6.1.0-26-amd64", "serviceIsRemote": False, "cgroupControllers": ["cpuset", "cpu", "memory", "pids"],
        "security": {"rootless": False, "selinuxEnabled": False},
    },
    "version": {"Version": "4.3.1"},
}  # fmt: skip


@dataclass
class FakeEngine:
    """A fake engine in a folder of programs.

    Attributes:
        folder: the folder of its notes.
        answers: what it answers; `change` writes it.
    """

    folder: Path
    answers: dict[str, Any]

    def change(self, **answers: Any) -> None:
        """Change what it answers: info, images, refusals, watched, hidden, obeys."""
        self.answers |= answers
        (self.folder / "answers.json").write_text(json.dumps(self.answers))

    def refuse(self, pattern: str, message: str, without: str = "", status: int = 125) -> None:
        """Refuse calls that match a pattern, unless they match `without` too."""
        self.change(refusals=[*self.answers["refusals"], [pattern, without, message, status]])

    def notes(self) -> list[dict[str, Any]]:
        """Return its calls with the secret and the watched variables."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def calls(self) -> list[list[str]]:
        """Return the words of its calls."""
        return [note["words"] for note in self.notes()]

    def runs(self) -> list[list[str]]:
        """Return its runs of a command, without the probes before it."""
        return [words for words in self.calls() if "run" in words and "scriptgraph.cli.container.inside" not in words]


def fake_engine(programs: Path, name: str, info: dict[str, Any]) -> FakeEngine:
    """Put a fake engine of a name into a folder of programs, and return it."""
    folder = programs / f"{name}-notes"
    folder.mkdir(parents=True)
    program = programs / name
    program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    image = {"Id": f"sha256:{'a' * 64}", "RepoDigests": [f"docker.io/library/python@sha256:{'b' * 64}"]}
    fake = FakeEngine(folder, {"info": info, "images": {"*": image}, "refusals": [], "watched": [], "hidden": []})
    fake.change(obeys=True)
    return fake
