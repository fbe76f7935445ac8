"""Run one foreign script: `python -I __main__.py`, started by `scriptgraph.compat.adapter`."""

from __future__ import annotations

import sys
from pathlib import Path

# The package's place on disk: an isolated interpreter need not have it installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scriptgraph.compat.child.channel import Channel
from scriptgraph.compat.child.outcome import Failed
from scriptgraph.compat.child.script import run_script

if __name__ == "__main__":
    channel = Channel.opened()
    try:
        run_script(channel)
    except Failed as error:
        channel.ask({"ask": "failure", "error": str(error), "code": error.code})
        sys.exit(1)
