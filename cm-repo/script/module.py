"""`cm ... script`: hands everything to scriptgraph, the engine of the installed package."""

from __future__ import annotations

from typing import Any

from cmind.automation import Automation


class CAutomation(Automation):  # type: ignore[misc]  # cmind ships no types
    """The actions of `cm <action> script`."""

    def __init__(self, cmind: Any, automation_file: str) -> None:  # noqa: ARG002 - cmind calls it so
        super().__init__(cmind, __file__)

    def run(self, i: dict[str, Any]) -> dict[str, Any]:
        """Run a script found by its tags, and what it depends on.

        cm run script --tags=TAG,TAG,_VARIATION [--OPTION=VALUE] [--env.KEY=VALUE]
                      [--adr.NAME.KEY=VALUE] [--offline] [--mirrors=FILE] [--quiet] [-v] [--out=json]
                      [--home=DIR] [--cache_dir=DIR] [--new | --renew]
        """
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - cmind loads this file for every command

        return ENGINE.run_script(i)

    def search(self, i: dict[str, Any]) -> dict[str, Any]:
        """List scripts: find, list and ls are the same.

        cm find script [--tags=TAG,_VARIATION | "TAG TAG"] [--out=json]
        """
        if i.get("out", "") is None:  # so cmind's own actions (load, copy, ...) look an artifact up
            return dict(super().search(i))
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - as above

        return ENGINE.list_or_remove("find script", i)

    def show(self, i: dict[str, Any]) -> dict[str, Any]:
        """Say what a script is: options, variations, dependencies, exports, what it keeps.

        cm show script --tags=TAG,TAG,_VARIATION [--out=json]
        """
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - as above

        return ENGINE.list_or_remove("show script", i)

    def delete(self, i: dict[str, Any]) -> dict[str, Any]:
        """Delete a script's folder, as cmind does; where nobody can be asked, only with -f.

        cm rm script ALIAS [-f]
        """
        if i.get("out", "") is None:  # so cmind's own actions delete an artifact
            return dict(super().delete(i))
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - as above

        return ENGINE.remove_script(i, super().delete)

    def completion(self, i: dict[str, Any]) -> dict[str, Any]:
        """Print what a shell reads to complete command lines.

        cm completion script bash | zsh
        """
        from mlperf_home.command_line import complete  # noqa: PLC0415 - as above

        return complete(i)

    def replay(self, i: dict[str, Any]) -> dict[str, Any]:
        """Run what a record tells of again, and say what differs.

        cm replay script --record=FILE [--OPTION=VALUE]
        """
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - as above

        return ENGINE.replay_script(i)

    def docker(self, i: dict[str, Any]) -> dict[str, Any]:
        """Run a script in a container: cm docker script --tags=TAG,TAG [--docker_skip_run_cmd]."""
        from mlperf_home.product import ENGINE  # noqa: PLC0415 - as above

        return ENGINE.docker_script(i)
