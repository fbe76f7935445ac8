"""What the harness tells while it runs, in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def narrate(line: str, say: Callable[[str], None]) -> None:
    """Turn one progress line of the harness into a sentence; other lines are left to the log."""
    try:
        event = json.loads(line)
        kind = event["event"]
    except (ValueError, KeyError, TypeError):
        return
    if kind == "opening":
        say(f"opening {event['backend']}")
    elif kind == "calibrating":
        say("calibrating batches and streams for this machine; stored for later runs")
    elif kind == "opened":
        grid = event["grid"]
        lengths = ",".join(str(length) for length in grid["lengths"])
        shapes = f"lengths {lengths}, " if lengths else ""
        streams = "1 stream" if grid["streams"] == 1 else f"{grid['streams']} streams"
        say(f"{event['engine']} {event['version']} is ready: {shapes}{streams}")
    elif kind == "running":
        least = f"at least {event['min_duration_s']:.0f} s" if event["min_duration_s"] else "until all is done"
        say(f"LoadGen runs {event['scenario']}, {event['mode']}, {least}; nothing is shown meanwhile")
    elif kind == "finished":
        say(f"LoadGen is done after {event['run_s']:.1f} s")
