"""Write docs/commands.md from the tables of the commands: `python tools/command_page.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.command_line import commands
from scriptgraph.embed import option_notes, output_options, usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptgraph.embed import Command, Option

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
_HEAD = """\
# Commands

Made from the tables that decode the commands, by `python tools/command_page.py`; a test compares them.

Every command has `--help` (`-h`), and `cm run script --tags=... --help` lists the options of that script too: its own,
then those that it shares with others. Options are written `--name=value`, without spaces around the `=`; dashes and
underscores in names are the same. A switch is on when it is named, and takes `=yes` or `=no`; `--name-` turns it off.
`ls` and `list` are `find`.

## Tags

`--tags=run,mlperf,bert-99,_sample` and the word `"run mlperf bert-99 _sample"` mean the same, for `run`, `show` and
`find` alike. As a word, tags are separated by spaces, in quotes: `cm` itself reads the first word after the automation
as an artifact, and refuses one with two commas or more (`CM object a,b,c is not recognized`) before any of our code
runs. It also takes a word with colons to name a repository. With commas, write `--tags=`.

## Help and mistakes

`cm help`, `cm help script` and `cm --help` are answered by cmind, which lists its own actions. An unknown option is
answered with the nearest name. Errors go to standard error and end with status 1; Ctrl-C ends with 130.

## Switches of CM

These switches of CM's `script` automation work: `--quiet`, `--silent`, `-s`, `-v`, `--time`, `--repro`, `--save_env`,
`--print_env`, `--new`, `--renew`, `-j`, `--env.KEY=`, `--adr.NAME.KEY=`. `--save_env` writes `tmp-env.sh`, which a
shell reads (`. ./tmp-env.sh`); `--repro` prints the command that repeats the run. The others, such as `--shell`,
`--const.KEY=`, `--fake_run` and `--skip_cache`, are answered with what serves instead, before anything runs; an option
of the script itself goes before.

## Completion

```sh
eval "$(cm completion script bash)"     # in ~/.bashrc
eval "$(cm completion script zsh)"      # in ~/.zshrc, after compinit
```

They complete actions, automations, options, tags and variations, choices, challenges and experiments, for `cm`, its
short forms `cmr`, `cmrd` and `cme`, and `mlperf-home`. Each press of the tab key starts the program once.

## mlperf-home

`mlperf-home` is `cm` by another name: the same commands, answers, exit statuses and `--out=json`, in the same folders.
It is there where `cm` is not on the path, as after `uv tool install mlperf-home` or `pipx install mlperf-home`; and
`uvx mlperf-home run script --tags=detect,cpu` runs without an installation. Where a message names a `cm` command,
`mlperf-home` with the same words does it.

- It answers the commands below without loading cmind, in about half of the CPU time
  ([benchmarks](benchmarks.md#our-own-program)). It passes others on, such as `mlperf-home add repo --path=DIR`.
- Before cmind first reads `CM_REPOS`, it writes cmind's files there whole. So any number of first commands may start at
  once, which fails now and then through `cm`.
- Tags with commas may be a word too: `mlperf-home run script run,mlperf,bert-99`.
- `mlperf-home --version` prints the version, `mlperf-home --help` the list of commands.

## Options of every command

"""


def page() -> str:
    """Return the text of the page."""
    shared = "".join(f"{_row(each)}\n" for each in output_options())
    blocks = [f"{_HEAD}| option | |\n|---|---|\n{shared}", *("\n".join(_lines(each)) + "\n" for each in commands())]
    return "\n".join(blocks)


def _lines(command: Command) -> Iterator[str]:
    yield from (f"## {command.line}", "", command.summary, "")
    yield from ("```sh", usage(command), command.example, "```")
    for title, options in command.grouped():
        if rows := [_row(option) for option in options if option not in output_options()]:
            yield from ("", f"| {title} | |", "|---|---|", *rows)
    if command.open_to:
        yield from ("", f"Besides, the options of {command.open_to}: `--OPTION=VALUE`.")


def _row(option: Option) -> str:
    form, notes = (text.replace("|", "\\|") for text in (option.form, option_notes(option)))
    return f"| `{form}` | {notes} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
