"""The facts of a container that only its engine knows, handed to the run inside by a variable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scriptgraph.cli.container.image import BuiltImage
    from scriptgraph.cli.container.settings import ContainerSettings

FACTS_VARIABLE = "SCRIPTGRAPH_CONTAINER"
"""The variable; programs that steps start inherit it, since its name does not begin with CM_."""


def container_facts(settings: ContainerSettings, image: BuiltImage) -> str:
    """Return the facts as JSON: "", 0 and false mean none; what is unknown is left out."""
    engine = settings.engine
    known = {
        "engine": engine.kind,
        "version": engine.version,
        "image_digest": image.digest or None,
        "cpuset": settings.cpuset,
        "memory_limit_bytes": settings.memory_bytes,
        "rootless": engine.rootless,
        "virtual_machine": engine.machine,
    }
    return json.dumps({name: value for name, value in known.items() if value is not None})
