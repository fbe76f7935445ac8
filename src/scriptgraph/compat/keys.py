"""The keys of manifests in the form of 2023 and of its successor: how each is served, or why it has no effect."""

from __future__ import annotations

# Keys that describe a script for people, or for other programs; no run reads them.
_FOR_PEOPLE = "it describes the script, and no run reads it"
_NO_CONTAINER = "a script runs on this machine; cm docker script builds a container of its own"
_CONTENT = "a cache entry is found by everything that its step reads"
OF_SCRIPTS = {
    **dict.fromkeys(
        (
            "category", "category_sort", "developers", "gui_title", "default_gui", "variation_groups_order",
            "tags_help", "tests", "private", "warnings", "description", "min_mlc_version", "sudo_install",
        ),
        _FOR_PEOPLE,
    ),
    **dict.fromkeys(("docker", "docker_off"), _NO_CONTAINER),
    **dict.fromkeys(("extra_cache_tags_from_env", "cache_expiration"), _CONTENT),
    **dict.fromkeys(
        ("clean_files", "clean_output_files"), "each run of a step begins in an empty folder of its own"
    ),
    "print_env_at_the_end": "exports are in the answer; --out=json prints them",
    "file_path_env_keys": "paths reach a container of their own engine only",
    "folder_path_env_keys": "paths reach a container of their own engine only",
}  # fmt: skip
OF_VARIATIONS = {
    **{
        key: OF_SCRIPTS[key]
        for key in ("docker", "default_gui", "cache_expiration", "warnings", "tests", "description")
    },
    "warning": _FOR_PEOPLE,
    "required_disk_space": "its own engine only prints it",
}
OF_DEPENDENCIES = {
    **dict.fromkeys(("extra_cache_tags", "extra_cache_rm_tags", "inherit_cache_expiration", "reuse_cached"), _CONTENT),
    "dynamic": "a dependency runs whenever its own inputs have changed",
    "verify": "a download is verified by its own script",
}
