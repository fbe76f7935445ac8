"""Keys of 2023's manifests that are not served, each with what to write instead."""

from __future__ import annotations

_BY_CONTENT = "entries are found by what they are made from; leave it out"

OF_SCRIPTS = {
    "prehook_deps": "a script's code runs after all of its deps; make what comes before them a script of its own",
    "posthook_deps": "write post_deps, or make what comes before them a script of its own",
    "new_state_keys": "scripts hand on values of the environment only; write new_env_keys",
    "can_force_cache": "write cache: true",
    "extra_cache_tags_from_env": _BY_CONTENT,
    "cache_expiration": _BY_CONTENT,
    "clean_files": "each entry has a folder of its own, so nothing is left to clean; leave it out",
    "valid_variation_combinations": "put variations that exclude each other into a group, and use base for the others",
    "docker": "scripts are not run in containers of their own; leave it out",
    "predeps": "dependencies always run before the script; leave it out",
    "category": "write tags",
    "category_sort": "write tags",
}

OF_VARIATIONS = {
    **{key: OF_SCRIPTS[key] for key in ("prehook_deps", "posthook_deps", "new_state_keys", "docker")},
    "ad": "write adr",
    "default_version": "write version at the dependency, or version_min and version_max by adr",
}

OF_DEPENDENCIES = {
    "force_env_keys": 'hand the key down by env: {"KEY": "<<<KEY>>>"}',
    "reuse_version": "write version: what the dependency's version shall be",
    "inherit_variation_tags": "write update_tags_from_env_with_prefix, or the variation in tags",
    "extra_cache_tags": _BY_CONTENT,
    "reuse_cached": _BY_CONTENT,
    "dynamic": "a dependency is settled as soon as what decides it is known; leave it out",
    "force_cache": "write cache: true in the script itself",
    "quiet": "no script asks anything; leave it out",
}
