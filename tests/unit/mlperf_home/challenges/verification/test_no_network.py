"""A verification opens no connection, whatever code a bundle might bring to run."""

from __future__ import annotations

import subprocess
import sys

TRIAL = """
import socket, subprocess, sys
from mlperf_home.challenges.verification.no_network import cut_off
cut_off()
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET):
    try:
        socket.socket(family, socket.SOCK_RAW if family == socket.AF_PACKET else socket.SOCK_DGRAM)
    except PermissionError:
        print("refused")
socket.socket(socket.AF_UNIX).close()
print(open(__import__("os").devnull).read() + "files are read")
child = "import socket; socket.socket()"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stderr.splitlines()[-1])
"""


def test_a_process_that_is_cut_off_opens_no_socket() -> None:
    found = subprocess.run([sys.executable, "-c", TRIAL], capture_output=True, text=True, check=True)

    assert found.stdout.splitlines() == [
        *["refused"] * 4,
        "files are read",
        "PermissionError: [Errno 13] Permission denied",
    ]
