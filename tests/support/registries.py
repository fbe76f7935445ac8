"""Hypothesis strategies: indexes of small scripts, sound or not, and requests to them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ALIASES = ("a", "b", "c", "d", "e")
KEYS = ("CM_A", "CM_B", "CM_C")
# Its values are names of variations, since dependencies take tags from it.
KIND = "CM_KIND"
NAMES = ("n1", "n2")
WORDS = ("yes", "one", "", "<<<CM_B>>>", "to <<<CM_B>>>", "<<<CM_A>>>")
KINDS = ("v", "w", "x.3", "")

Index = dict[str, dict[str, Any]]

_keys = st.sampled_from(KEYS)
_values = st.dictionaries(_keys, st.sampled_from(WORDS), max_size=2)
_env = _values | st.fixed_dictionaries({KIND: st.sampled_from(KINDS)})
_exports = st.sampled_from(([], ["CM_*"], ["CM_B"], [KIND], ["CM_A", "CM_C"]))
_accepted = st.lists(st.sampled_from(("yes", "no", "one", "to *")), min_size=1, max_size=2)
_conditions = st.dictionaries(_keys, _accepted, min_size=1, max_size=2)
_guards = st.fixed_dictionaries({}, optional={"enable_if_env": _conditions, "skip_if_env": _conditions}) | (
    st.fixed_dictionaries({"skip_if_any_env": _conditions})
)


def _dependencies(aliases: tuple[str, ...], suffixes: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    by_kind = {"update_tags_from_env_with_prefix": {"_": [KIND]}}
    fields = (
        {},
        by_kind,
        by_kind,
        {"env": {"CM_A": "<<<CM_B>>>"}},
        {"env": {"CM_C": "to <<<CM_B>>>"}},
        {"version_min": "2"},
    )
    return st.builds(
        lambda alias, suffix, guard, more, names: {"tags": alias + suffix, **guard, **more, "names": names},
        st.sampled_from(aliases),
        st.sampled_from(suffixes),
        _guards,
        st.sampled_from(fields),
        st.sampled_from(([], ["n1"], ["n2", "n1"])),
    )


@st.composite
def _sound_script(draw: st.DrawFn, below: tuple[str, ...]) -> dict[str, Any]:
    """Draw a script with every variation, version and option that other scripts may request."""
    deps = st.lists(_dependencies(below, ("", "", ",_v", ",_x.7", ",-_v")), max_size=3) if below else st.just([])
    return {
        "deps": draw(deps),
        "post_deps": draw(deps)[:1],
        "env": draw(_env),
        "default_env": draw(_env),
        "new_env_keys": draw(_exports),
        "local_env_keys": draw(st.sampled_from(([], ["CM_A"]))),
        "inputs": {"in-put": {"env": "CM_C"}},
        "variations": {
            "v": {"group": "g", "default": draw(st.booleans()), "env": draw(_env)},
            "w": {"deps": draw(deps)[:1], "new_env_keys": draw(_exports), "adr": {"n1": {"in_put": "by w"}}},
            "x.#": {"env": {"CM_A": "#"}, "base": ["w"]},
            "v,w": {"default_env": {"CM_C": "yes"}},
        },
        "versions": {"1": {}, "2": {"env": {"CM_C": "two"}}},
        "default_version": "1",
        "retired_names": dict.fromkeys(NAMES, "nothing has this name here"),
    }


@st.composite
def sound_indexes(draw: st.DrawFn) -> Index:
    """Draw an index in which each of `sound_requests` has a plan: `a` depends on `b` and `c`, `b` on `c`."""
    aliases = ALIASES[:3]
    return {alias: draw(_sound_script(aliases[position + 1 :])) for position, alias in enumerate(aliases)}


@st.composite
def any_indexes(draw: st.DrawFn) -> Index:
    """Draw an index with cycles, missing variations, clashes and other faults of manifests."""
    deps = st.lists(_dependencies((*ALIASES, "zzz", "all"), ("", "", ",_v", ",_w,_x.7", ",-_v")), max_size=2)
    variation = st.fixed_dictionaries(
        {},
        optional={
            "group": st.just("g"),
            "default": st.booleans(),
            "base": st.sampled_from((["v"], ["w"], ["x.1"])),
            "alias": st.sampled_from(("v", "w")),
            "deps": deps,
            "default_variations": st.just({"g": "v"}),
            "env": _env,
        },
    )
    script = st.fixed_dictionaries(
        {"deps": deps, "variations": st.dictionaries(st.sampled_from(("v", "w", "x.#", "v,w")), variation, max_size=3)},
        optional={
            "post_deps": deps,
            "env": _env,
            "new_env_keys": _exports,
            "inputs": st.just({"in-put": {"env": "CM_C"}}),
            "versions": st.just({"1": {}, "odd": {}}),
        },
    )
    return {alias: {"tags": [alias, "all"], **draw(script)} for alias in ALIASES}


sound_requests = st.fixed_dictionaries(
    {"tags": st.sampled_from(("a", "a", "a,_w", "b,_v,_x.2", "a,-_v"))},
    optional={
        "env": _env,
        "inputs": st.sampled_from(({"in_put": "one"}, {"version": "2"}, {"version_min": "1"})),
        "adr": st.sampled_from(({"n1": {"tags": "_w", "in_put": "two"}}, {"n2": {"version": "1"}})),
    },
)
any_requests = sound_requests | st.fixed_dictionaries(
    {"tags": st.sampled_from(("all", "zzz", "c,_zzz", "a,-_zzz", "-a", "d,e"))},
    optional={"inputs": st.just({"zzz": 1}), "adr": st.just({"n3": {"in_put": 1}})},
)
