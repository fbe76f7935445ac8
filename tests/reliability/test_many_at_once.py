"""Eight equal commands at once all succeed, and make their shared entry once.

cmind's own index is not safe for two first commands in an empty CM_REPOS, so one command runs before.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from faulty_server import FaultyServer, whole
from rounds import rounds

if TYPE_CHECKING:
    from cm_command import Cm

COMMANDS = 8


@pytest.mark.parametrize("number", rounds(2, 20))
def test_all_succeed_and_the_file_is_fetched_once(cm: Cm, number: int) -> None:
    content = bytes([number]) * 300_000
    digest = hashlib.sha256(content).hexdigest()
    assert cm.script("detect,os").code == 0
    with FaultyServer() as server:
        server.serve("/a.bin", whole(content))
        options = ("--tags=download,file", f"--url={server.url('/a.bin')}", f"--checksum=sha256:{digest}", "--out=json")
        started = [cm.start("run", "script", *options) for _ in range(COMMANDS)]
        ended = [process.communicate() for process in started]

        assert [process.returncode for process in started] == [0] * COMMANDS, "\n".join(err for _, err in ended)
        assert len(server.seen) == 1
    assert len({json.loads(out)["new_env"]["CM_DOWNLOAD_PATH"] for out, _ in ended}) == 1
