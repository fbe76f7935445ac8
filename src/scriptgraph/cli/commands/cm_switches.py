"""The switches of CM's `script` automation that something else serves for."""

from __future__ import annotations

from scriptgraph.errors import RequestError

_PLAN = "--plan shows every step, and --plan -v those that are left out"
_NEW = "--renew makes the script's entry again, and --new those of its dependencies too"
_NO_QUESTIONS = "no script asks questions; remove it"
_INSTEAD = {
    "shell": "add --save_env instead; then `. ./tmp-env.sh` sets in a shell what the script exports",
    "const": "write --env.KEY=VALUE, which every script of the run gets; only a script that sets the key changes it",
    "const_state": "everything is in the environment: write --env.KEY=VALUE",
    "state": "everything is in the environment: write --env.KEY=VALUE",
    "fake_run": _PLAN,
    "prepare": f"--prefetch runs the cached steps only; {_PLAN}",
    "fake_deps": _PLAN,
    "print_deps": _PLAN,
    "print_readme": "cm show script --tags=... describes a script; --repro names the record that repeats a run",
    "skip_cache": _NEW,
    "force_cache": f"a script's manifest says whether it is cached; {_NEW}",
    "extra_cache_tags": "entries are found by what they were made from; remove it",
    "skip_remembered_selections": _NO_QUESTIONS,
    "pause": _NO_QUESTIONS,
    "dirty": "a run's files stay in its folder beside the record; --repro names it",
    "ignore_script_error": "a step that fails ends the run; a manifest may let a dependency fail (may_fail)",
    "debug_script": "each step's log is beside the record, and -v shows more",
    "debug_script_tags": "each step's log is beside the record, and -v shows more",
}


def answer_cm_switch(name: str) -> None:
    """Raise RequestError with what serves instead, if an unknown option is a switch of CM."""
    if name in _INSTEAD:
        raise RequestError(f"--{name}: is not an option here; {_INSTEAD[name]}")
