"""`cm find script` and `cm show script`: from the manifests alone, nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cli.options import read_listing
from scriptgraph.cli.script_lists import describe, find_scripts
from scriptgraph.cli.tables import Section, show_sections
from scriptgraph.errors import NoScriptError, RequestError
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry


def find_script(command: Mapping[str, Any], load: Callable[[], Registry]) -> dict[str, Any]:
    """List the scripts that fit; where none does, `error` names the nearest tags."""
    asked = read_listing(command)
    try:
        found = find_scripts(load(), asked.query)
    except NoScriptError as error:
        return {"scripts": [], "nearest": list(error.hints), "closest": list(error.closest), "error": error.report()}
    if not asked.as_json:
        rows = [(each.alias, ",".join(each.tags), each.name) for each in found]
        show_sections([Section("", rows, ("script", "tags", "what it does"))])
    return {
        "scripts": [
            {"alias": each.alias, "uid": each.uid, "tags": list(each.tags), "name": each.name, "path": str(each.folder)}
            for each in found
        ]
    }


def show_script(command: Mapping[str, Any], load: Callable[[], Registry]) -> dict[str, Any]:
    """Say what one script is."""
    asked = read_listing(command)
    if not asked.query.required:
        raise RequestError('which script? write cm show script --tags=a,b; "cm find script" lists them')
    registry = load()
    manifest = registry.select(asked.query)
    told = describe(manifest, asked.query, registry)
    if not asked.as_json:
        show_sections(list(_sections(told)))
    return {"script": told}


def _sections(told: Mapping[str, Any]) -> Iterator[Section]:
    yield Section(
        f"{told['alias']}: {told['name']}" if told["name"] else told["alias"],
        [("folder", told["path"]), ("tags", ",".join(told["tags"])), ("uid", told["uid"])],
    )
    yield from _with_rows("Options", [_option_row(each) for each in told["options"]])
    yield from _with_rows("Variations (of a group at most one)", [_variation_row(each) for each in told["variations"]])
    rows = [(each["version"], "default" if each["default"] else "") for each in told["versions"]]
    yield from _with_rows("Versions (--version, --version_min, --version_max)", rows)
    yield from _with_rows("Dependencies", [_dependency_row(each) for each in told["dependencies"]])
    rows = [(key, f"with {of}" if of else "") for key, of in told["exports"].items()]
    yield from _with_rows("Exports", rows)
    yield Section("Cache", _keeps_rows(told["keeps"]))
    yield Section("Example", [(told["example"],)])


def _with_rows(title: str, rows: Sequence[tuple[str, ...]]) -> Iterator[Section]:
    if rows:
        yield Section(title, rows)


def _option_row(option: Mapping[str, Any]) -> tuple[str, ...]:
    value = {"flag": "", "path": "=PATH", "number": "=NUMBER"}.get(option["type"], "=TEXT")
    notes = [option["description"]] if option["description"] else []
    if option["choices"]:
        notes.append(f"one of {', '.join(option['choices'])}")
    notes += [f"not {wrong} ({why})" for wrong, why in option["refused"].items()]
    notes += [f"only with --{option['needs']}"] if option["needs"] else []
    if option["default"] is not None:
        text = as_text(option["default"])
        notes.append(f"set to {text} by a variation or version" if option["fixed"] else f"default {text}")
    return (f"--{option['name']}{value}", option["key"], "; ".join(notes))


def _variation_row(variation: Mapping[str, Any]) -> tuple[str, ...]:
    marks = [word for word in ("default", "on") if variation[word]]
    notes = [variation["description"]] if variation["description"] else []
    notes += [f"the same as _{variation['alias']}"] if variation["alias"] else []
    notes += [f"turns on {', '.join(f'_{name}' for name in variation['base'])}"] if variation["base"] else []
    group = f"group {variation['group']}" if variation["group"] else ""
    return (group, f"_{variation['name']}", ", ".join(marks), "; ".join(notes))


def _dependency_row(dependency: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [f"with {dependency['with']}"] if dependency["with"] else []
    notes += [dependency["guard"]] if dependency["guard"] else []
    notes += [f"version {dependency['versions']}"] if dependency["versions"] else []
    names = " ".join(f"--adr.{name}" for name in dependency["names"])
    return (dependency["when"], dependency["tags"], names, "; ".join(notes))


def _keeps_rows(keeps: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not keeps["cache"]:
        return [("keeps nothing: it runs each time", "")]
    rows = [("keeps what it makes, and makes it again for another", "")]
    rows.append(("value of", ", ".join(keeps["reads"]) or "nothing that it reads"))
    rows.append(("version, variation or dependency, and after a change of", ", ".join(("its folder", *keeps["code"]))))
    return rows
