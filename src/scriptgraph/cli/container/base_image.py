"""The image that ours is built on: here, or to be fetched; and its digest."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.container.probe import ContainerRefusedError
from scriptgraph.cli.container.refusals import explain
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.immutable import Immutable
from scriptgraph.process.programs import ProcessFailed, capture, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.cli.container.engine import ContainerEngine

_TIMEOUT_S = 300.0
_ANSWER = Limits(size=4 << 20, depth=24, values=100_000)
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


class BaseImage(Immutable):
    """An image to build on: its name, and the digest in its registry or in podman's storage; "" if it has none."""

    name: str
    digest: str


def base_image(
    engine: ContainerEngine, words: Sequence[str], name: str, log: Path, *, offline: bool, say: Callable[[str], None]
) -> BaseImage:
    """Return the image of a name, which is fetched unless the engine has it.

    Args:
        engine: the engine.
        words: its program and own options.
        name: the image's name, with or without a digest.
        log: the log of fetching it.
        offline: whether nothing may be fetched.
        say: called with a line before it is fetched.

    Raises:
        ContainerRefusedError: the engine does not have it and cannot fetch it.
    """
    facts = inspected(words, name)
    if facts is None:
        if offline:
            remedy = f"fetch it once: {engine.program} pull {name}"
            raise ContainerRefusedError(
                engine.program, f"the image {name} is not here, and --offline fetches nothing", remedy
            )
        # podman has no registry by default; docker's is meant by such names.
        name = full_name(name)
        say(f"fetching {name}")
        log.unlink(missing_ok=True)
        ended = run([*words, "pull", name], env=os.environ, cwd=log.parent, log=log)
        if not ended.ok:
            refusal = explain("\n".join(ended.last_lines))
            last = next((line.strip() for line in reversed(ended.last_lines) if line.strip()), "no output")
            problem = refusal.problem if refusal else last
            remedy = refusal.remedy if refusal else "see its log"
            raise ContainerRefusedError(engine.program, f"the image {name} cannot be fetched: {problem}", remedy, log)
        facts = inspected(words, name)
    typed = _DIGEST.search(name)
    if typed:
        return BaseImage(name, typed[1])
    known = (facts or {}).get("RepoDigests") or ()
    digests = [found[1] for each in known if (found := _DIGEST.search(str(each)))]
    return BaseImage(name, digests[0] if digests else "")


def full_name(name: str) -> str:
    """Return an image's name with its registry: docker.io, as docker means it, where the name has none."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def inspected(words: Sequence[str], name: str) -> Mapping[str, Any] | None:
    """Return what an engine knows of an image; None if it does not have it."""
    argv = [*words, "image", "inspect", name]
    try:
        answer = parse_json(capture(argv, timeout_s=_TIMEOUT_S), f"{words[0]} image inspect", _ANSWER)
    except (ProcessFailed, DocumentError):
        return None
    facts = answer[0] if isinstance(answer, list) and answer else None
    return facts if isinstance(facts, dict) else None
