"""The object that scripts get as `automation`: searches for files, versions, and other scripts."""

from __future__ import annotations

import copy
import glob
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.compat.child.access import Access
from scriptgraph.compat.child.functions import compare_versions
from scriptgraph.compat.child.outcome import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptgraph.compat.child.running import Running

_NOT_FOUND = 16
_SUFFIXES = ("", ".[0-9]", ".[0-9][0-9]", "-[0-9]", "-[0-9][0-9]", "[0-9]", "[0-9][0-9]", "[0-9].[0-9]",
             "[0-9][0-9].[0-9]", "[0-9][0-9].[0-9][0-9]")  # fmt: skip
_VERSION_FILE = "tmp-ver.out"


class Automation:
    """The calls of the engine of 2023 that its scripts make; each takes and returns a dictionary."""

    def __init__(self, script: Running, os_info: dict[str, Any]) -> None:
        self._script, self.os_info = script, os_info
        self.cmind = Access(script)
        self.action_object = self.cmind
        self.logger = self.cmind.logger = logging.getLogger("script")
        self.meta = {"alias": "script", "uid": "5b4e0237da074764"}

    def run_native_script(self, i: dict[str, Any]) -> dict[str, Any]:
        """Run another native script of the folder, with an environment of its own."""
        env = copy.deepcopy(i.get("env") or self._script.env)
        return self._caught(lambda: {"return": 0, "found": self._script.native(i["script_name"], env), "env": env})

    def detect_version_using_script(self, i: dict[str, Any]) -> dict[str, Any]:
        """Detect a version with run.sh and detect_version()."""
        found = self._detected(i.get("env") or self._script.env)
        version = found.get("version", "")
        if found["return"] == 0 and version and self._admits(version, i.get("env") or {}):
            return {"return": 0, "detected_version": version}
        return {"return": _NOT_FOUND, "error": "version was not detected"}

    def _detected(self, env: dict[str, Any]) -> dict[str, Any]:
        def detect() -> dict[str, Any]:
            self._script.native(env=env)
            return self._script.call("detect_version", env=env) or {"return": 0}

        return self._caught(detect)

    def _caught(self, function: Any) -> dict[str, Any]:
        try:
            result: dict[str, Any] = function()
        except Failed as error:
            return {"return": error.code, "error": str(error)}
        return result

    def _admits(self, version: str, env: dict[str, Any]) -> bool:
        exact, low, high = (str(env.get(f"{self._script.prefix}VERSION{end}", "")) for end in ("", "_MIN", "_MAX"))
        return (
            (not exact or exact == version)
            and (not low or compare_versions(version, low) >= 0)
            and (not high or compare_versions(version, high) <= 0)
        )

    def find_file_in_paths(self, i: dict[str, Any]) -> dict[str, Any]:
        """Find the files of a name, or of an expression; with `detect_version`, those of a fitting version."""
        found: list[str] = []
        for path in _candidates(i):
            if any(os.path.samefile(path, each) for each in found):
                continue
            if i.get("hook") is not None:
                answer = i["hook"]({"file": path})
                if answer["return"] > 0:
                    return dict(answer)
                if answer["skip"]:
                    continue
            found.append(path)
        if i.get("select") and i.get("detect_version"):
            fitting = []
            for path in found:
                env = i.get("env", {})
                env[i["env_path_key"]] = path
                answer = self._detected(env)
                if answer["return"] not in {0, 2}:
                    return answer
                version = answer.get("version", "") if answer["return"] == 0 else ""
                if version and version != -1 and self._admits(str(version), env):
                    fitting.append(path)
            found = fitting
        return {"return": 0, "found_files": found[:1] if i.get("select") else found}

    def find_artifact(self, i: dict[str, Any]) -> dict[str, Any]:
        """Find a file, such as a program, and set its key and the paths to it."""
        env, name, prefix = i["env"], i["file_name"], self._script.prefix
        path = str(env.get(f"{prefix}TMP_PATH", ""))
        if path and env.get(f"{prefix}TMP_PATH_IGNORE_NON_EXISTANT", "") != "yes":
            for each in path.split(":"):
                if each.strip() and not os.path.isdir(each):
                    return {"return": 1, "error": f"path {each} does not exist"}
        forced = str(env.get(f"{prefix}INPUT", "")).strip()
        if forced:
            if not os.path.isfile(forced):
                return {"return": 1, "error": f"file {forced} does not exist"}
            path, name = os.path.split(forced)
        defaults = self.get_default_path_list(i)
        paths = [os.path.dirname(os.path.join(each, name)) for each in (path.split(":") if path else defaults)]
        answer = self.find_file_in_paths(
            {
                "paths": list(dict.fromkeys(paths)), "file_name": name, "select": True, "env": copy.deepcopy(env),
                "detect_version": i.get("detect_version", False), "env_path_key": i.get("env_path_key", ""),
                "hook": i.get("hook"),
            }
        )  # fmt: skip
        if answer["return"] > 0:
            return answer
        if not answer["found_files"]:
            return {"return": _NOT_FOUND, "error": f"{name} not found"}
        file = answer["found_files"][0]
        folder = os.path.dirname(file)
        if folder not in defaults:
            self._add_paths(env, folder, i)
        if i.get("env_path_key"):
            env[i["env_path_key"]] = file
        print(f"found {file}")
        return {
            "return": 0, "found_path": folder, "found_file_path": file, "found_file_name": os.path.basename(file),
            "default_path_list": defaults,
        }  # fmt: skip

    @staticmethod
    def _add_paths(env: dict[str, Any], folder: str, i: dict[str, Any]) -> None:
        paths = env.setdefault(f"+{i.get('default_path_env_key', '')}", [])
        if folder not in paths:
            paths.insert(0, folder)
        for beside, key in (i.get("extra_paths") or {}).items():
            place = os.path.normpath(os.path.join(folder, "..", beside))
            if os.path.exists(place):
                env.setdefault(key, []).append(place)

    def find_file_deep(self, i: dict[str, Any]) -> dict[str, Any]:
        """Find the folders below some paths that contain a file."""
        found = [place for path in i["paths"] for place, _, files in os.walk(path) if i["file_name"] in files]
        wanted = i.get("restrict_paths") or [""]
        return {"return": 0, "found_paths": [place for place in found if any(each in place for each in wanted)]}

    def find_file_back(self, i: dict[str, Any]) -> dict[str, Any]:
        """Find the nearest folder, from a path upwards, that contains a file."""
        start = Path(i["path"])
        found = next((each for each in (start, *start.parents) if (each / i["file_name"]).is_file()), None)
        return {"return": 0, "found_path": str(found) if found else ""}

    def parse_version(self, i: dict[str, Any]) -> dict[str, Any]:
        """Read the version that run.sh has written to a file."""
        path = Path(i.get("file_name") or _VERSION_FILE)
        if not path.is_file():
            return {"return": _NOT_FOUND, "error": f"{path} is missing"}
        text = path.read_text(encoding="utf-8", errors="replace")
        match = re.search(i["match_text"], text)
        if match is None:
            return {"return": 1, "error": f"version was not detected ({text.strip()})", "string": text}
        version = match.group(i["group_number"])
        i["which_env"][i["env_key"]] = version
        i["which_env"][f"{self._script.prefix}DETECTED_VERSION"] = version
        return {"return": 0, "version": version, "string": text}

    def update_deps(self, i: dict[str, Any]) -> dict[str, Any]:
        """Change dependencies of the manifest by name, for those that have yet to run."""
        for each in i["deps"]:
            for name, more in i["update_deps"].items():
                if name in each.get("names", []):
                    tags = ",".join(part for part in (each.get("tags", ""), more.get("tags", "")) if part)
                    each.update({**more, "tags": tags})
        self._script.override(i["update_deps"])
        return {"return": 0}

    def get_default_path_list(self, i: dict[str, Any]) -> list[str]:
        """Return the paths of an environment variable."""
        key = i.get("default_path_env_key", "")
        return os.environ.get(key, "").split(":") if key else []

    def _available_variations(self, i: dict[str, Any]) -> dict[str, Any]:
        variations = i.get("meta", self._script.meta).get("variations", {})
        return {"return": 0, "variations": sorted(f"_{name}" for name in variations if "," not in name)}

    def clean_some_tmp_files(self, _i: dict[str, Any]) -> dict[str, Any]:
        """Remove the files of an earlier native script."""
        for name in ("tmp-run-env.out", "tmp-run-state.json", _VERSION_FILE):
            Path(name).unlink(missing_ok=True)
        return {"return": 0}


def _candidates(i: dict[str, Any]) -> Iterator[str]:
    for folder in i["paths"]:
        if not os.path.isdir(folder):
            continue
        if i.get("file_name_re"):
            yield from (os.path.join(folder, name) for name in os.listdir(folder) if re.match(i["file_name_re"], name))
        else:
            for suffix in _SUFFIXES:
                yield from glob.glob(os.path.join(folder, i["file_name"]) + suffix)
