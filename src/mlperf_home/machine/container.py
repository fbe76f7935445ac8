"""The container that this process runs in: facts handed in by `cm docker script`, or marks of engines.

Sources: podman-run(1) for /run/.containerenv; systemd's container interface for the variable `container` and
/run/host/container-manager. Docker leaves an empty /.dockerenv.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import parse_document
from mlperf_home.contracts.container import ContainerFacts
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits
from scriptgraph.files.kernel_files import read_line, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

FACTS_VARIABLE = "SCRIPTGRAPH_CONTAINER"
"""The variable of scriptgraph.cli.container.facts."""
_LIMITS = Limits(size=1 << 14, depth=2, values=50)
_MARK = re.compile(r'^(engine|imageid|rootless)="?([^"\n]*)"?$', re.MULTILINE)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")


def read_container(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> ContainerFacts | None:
    """Return the facts of the container; None if no mark of one is found."""
    if text := environ.get(FACTS_VARIABLE):
        try:
            return parse_document(text, ContainerFacts, FACTS_VARIABLE, _LIMITS)
        except DocumentError:
            pass  # the marks below are as true, and tell less
    marks = read_text(root / "run/.containerenv")
    if marks is not None:
        return _podman(dict(_MARK.findall(marks)))
    if (root / ".dockerenv").exists():
        return ContainerFacts(engine="docker")
    name = environ.get("container") or read_line(root / "run/host/container-manager") or ""
    if not name and environ.get("KUBERNETES_SERVICE_HOST"):
        name = "kubernetes"
    return ContainerFacts(engine=name if _NAME.fullmatch(name) else None) if name else None


def _podman(marks: Mapping[str, str]) -> ContainerFacts:
    """Return podman's marks, which are empty in containers that are not privileged."""
    name, _, version = marks.get("engine", "").partition("-")
    image = marks.get("imageid", "")
    return ContainerFacts(
        engine=name if _NAME.fullmatch(name) else "podman",
        version=version[:200] or None,
        image_digest=f"sha256:{image}" if _DIGEST.fullmatch(image) else None,
        rootless={"1": True, "0": False}.get(marks.get("rootless", "")),
    )
