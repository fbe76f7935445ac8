"""The facts of the machine that scripts of 2023 get as `os_info`."""

from __future__ import annotations

import os
import platform
import struct
from typing import Any


def host_os_info() -> dict[str, Any]:
    """Return the words with which a script writes shell code for this machine."""
    bits = str(8 * struct.calcsize("P"))
    try:
        machine_bits = str(os.sysconf("SC_LONG_BIT"))
    except (ValueError, OSError):
        machine_bits = bits
    return {
        "platform": "darwin" if platform.system().lower().startswith("darwin") else "linux",
        "bat_ext": ".sh",
        "set_env": 'export ${key}="${value}"',
        "env_separator": ":",
        "env_var": "${env_var}",
        "env_quote": '"',
        "set_exec_file": 'chmod 755 "${file_name}"',
        "bat_rem": "# ${rem}",
        "run_local_bat": ". ./${bat_file}",
        "run_local_bat_from_python": 'bash -c ". ./${bat_file}"',
        "run_bat": ". ${bat_file}",
        "start_script": ["#!/bin/bash", ""],
        "env": {},
        "bits": machine_bits,
        "python_bits": bits,
    }
