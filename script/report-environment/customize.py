"""Report what a bug report needs, as plain lines; nothing is sent."""

from mlperf_home.product import ENGINE
from mlperf_home.steps.environment_report import Identity, last_failure, machine_lines, software_lines
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Print the report and write it to a file; names of people and machines, and addresses, are left out."""
    home = context.folders.state.parent
    cached = ENGINE.list_or_remove("find cache", {"tags": "get-generic-python-lib", "home": str(home)})
    identity = Identity.of_this_process()
    lines = [*machine_lines(context), *software_lines(cached), *last_failure(home / "records")]
    shown = [identity.removed_from(line) for line in lines]
    report = context.output / "report.txt"
    report.write_text("".join(f"{line}\n" for line in shown), encoding="utf-8")
    for line in shown:
        context.say(line)
    context.say("Nothing is sent. Read these lines before you copy them into a bug report.")
    return Done(exports={"CM_ENVIRONMENT_REPORT_PATH": report})
