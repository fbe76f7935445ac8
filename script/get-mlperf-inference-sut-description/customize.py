"""Describe this system for a submission."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from mlperf_home.machine.cpu.cpuinfo import LSCPU
from mlperf_home.machine.facts import COMPILERS, read_machine
from mlperf_home.machine.firmware import DMIDECODE
from mlperf_home.steps.machine import system_name
from mlperf_home.submission.system.description import UserFacts, describe_system
from mlperf_home.submission.system.file import SystemDescriptionError, place_description, read_overrides
from scriptgraph.api import Context, Done, Outcome, ScriptGraphError, StepFailed, capture, failing_on, is_plain_name


def preprocess(context: Context) -> Outcome:
    """Combine the machine's values with the user's, and show the unknown ones."""
    sut = system_name(context.text("CM_SUT_NAME", context.text("CM_HW_NAME", platform.node() or "unnamed")), [])
    if not is_plain_name(sut):
        raise StepFailed(f"{sut[:80]!r} cannot name a file; pass another --sut_name")
    with failing_on(SystemDescriptionError):
        wanted = _wanted(context)
        # Only root may read the firmware's tables with dmidecode; others go without them.
        modules = _output(DMIDECODE) if os.geteuid() == 0 else None
        compiler = next((text for text in map(_output, COMPILERS) if text), None)
        described = describe_system(read_machine(lscpu=_output(LSCPU), dmidecode=modules, compiler=compiler), wanted)
        folder = context.output_path("CM_MLPERF_SUT_DESCRIPTION_DIR", context.output)
        path = folder / f"{sut}.json"
        kept = place_description(path, described.to_json(), context.output / f"{sut}.previous.json")
    for sentence in described.unknown:
        context.say(sentence)
    if kept:
        context.warn(f"{path}: replaced another description; the earlier one is in {kept}")
    context.say(f"system description: {path}")
    return Done(
        exports={
            "CM_MLPERF_SUT_DESCRIPTION_PATH": path,
            "CM_MLPERF_SUT_DESCRIPTION_UNKNOWN": len(described.unknown),
            "CM_HOST_SYSTEM_NAME": described.values["system_name"],
        }
    )


def _wanted(context: Context) -> UserFacts:
    backend, version = context.text("CM_MLPERF_BACKEND", ""), context.text("CM_MLPERF_BACKEND_VERSION", "")
    own_values = context.path("CM_MLPERF_SYSTEM_FILE")
    return UserFacts(
        submitter=context.text("CM_MLPERF_SUBMITTER"),
        division=context.text("CM_MLPERF_DIVISION"),
        status=context.text("CM_MLPERF_SYSTEM_STATUS"),
        system_type=context.text("CM_MLPERF_SYSTEM_TYPE", context.text("CM_MLPERF_CATEGORY")),
        system_type_detail=context.text("CM_MLPERF_SYSTEM_TYPE_DETAIL", ""),
        framework=context.text("CM_MLPERF_FRAMEWORK", f"{backend} v{version}" if backend and version else backend),
        system_name=context.text("CM_MLPERF_SYSTEM_NAME", ""),
        hw_name=context.text("CM_HW_NAME", ""),
        python=context.text("CM_PYTHON_VERSION", ""),
        hw_notes_extra=context.text("CM_MLPERF_HW_NOTES_EXTRA", ""),
        sw_notes_extra=context.text("CM_MLPERF_SW_NOTES_EXTRA", ""),
        overrides=read_overrides(own_values) if own_values else {},
    )


def _output(argv: Sequence[str]) -> str | None:
    try:
        return capture(argv, env={**os.environ, "LC_ALL": "C"}, cwd=Path("/"))
    except ScriptGraphError:
        return None
