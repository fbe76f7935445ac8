"""`cm ... challenge`: hands everything to the installed package."""

from __future__ import annotations

from typing import Any

from cmind.automation import Automation


class CAutomation(Automation):  # type: ignore[misc]  # cmind ships no types
    """The actions of `cm <action> challenge`."""

    def __init__(self, cmind: Any, automation_file: str) -> None:  # noqa: ARG002 - cmind calls it so
        super().__init__(cmind, __file__)

    def run(self, i: dict[str, Any]) -> dict[str, Any]:
        """Check the machine, run a challenge's workflows, make the report and the bundle.

        cm run challenge NAME [--sample] [--only=WORKFLOW,...] [--results_dir=DIR] [--sign_key=KEY] [--submitter=WORD]
                         [--hw_name=NAME] [--official] [--unlocked] [--new] [--check] [--plan] [--skip_probe]
                         [--out=json] [--OPTION=VALUE of the challenge]
        cm run challenge NAME --lock      writes the challenge's lock file anew, and runs nothing
        """
        from mlperf_home.challenges.commands import answer  # noqa: PLC0415 - cmind loads this file for every command

        return answer("run", i)

    def replay(self, i: dict[str, Any]) -> dict[str, Any]:
        """Verify somebody's bundle, run the same again, and say whether it came out the same.

        cm replay challenge NAME --results=BUNDLE [--allowed_signers=FILE] [--results_dir=DIR] [--hw_name=NAME]
                            [--unlocked] [--new] [--skip_probe] [--out=json] [--OPTION=VALUE of the challenge]
        """
        from mlperf_home.challenges.commands import answer  # noqa: PLC0415 - as above

        return answer("replay", i)

    def search(self, i: dict[str, Any]) -> dict[str, Any]:
        """List challenges: find, list and ls are the same.

        cm find challenge [NAME | --tags=TAG,TAG] [--out=json]
        """
        if i.get("out", "") is None:  # so cmind's own actions (load, copy, ...) look an artifact up
            return dict(super().search(i))
        from mlperf_home.challenges.commands import answer  # noqa: PLC0415 - as above

        return answer("find", i)

    def show(self, i: dict[str, Any]) -> dict[str, Any]:
        """Tell all of a challenge: dates, rules, workflows, what it wants of the machine.

        cm show challenge NAME [--out=json]
        """
        from mlperf_home.challenges.commands import answer  # noqa: PLC0415 - as above

        return answer("show", i)

    def delete(self, i: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - cmind calls it so
        """Refuse: a challenge belongs to its repository, and what was run lies in its results_dir."""
        return {
            "return": 1,
            "error": "a challenge is removed with its repository: cm rm repo; its runs lie in results_dir",
        }
