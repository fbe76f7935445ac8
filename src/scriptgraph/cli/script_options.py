"""Describe a script's options from its manifest: kind, range, choices and default in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.table import Option
from scriptgraph.manifest.limits import range_words
from scriptgraph.planning.environment import Layer, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scriptgraph.cli.commands.table import Kind
    from scriptgraph.manifest.types import Input, Manifest
    from scriptgraph.planning.environment import Environment

_KINDS: dict[str, Kind] = {"flag": "switch", "path": "path"}


def describe_option(option: Input, env: Environment) -> dict[str, Any]:
    """Return an option as JSON values; `env` holds its default value."""
    setting = env.origin(option.env_key) if option.env_key in env else None
    return {
        "name": option.name,
        "key": option.env_key,
        "type": option.kind,
        "default": setting.value if setting else None,
        # Values of variations and of the manifest's env override an option.
        "fixed": bool(setting and setting.layer > Layer.INPUT),
        "choices": list(option.choices),
        "refused": dict(option.refused),
        "needs": option.needs,
        "range": range_words(option) if option.kind in {"number", "numbers"} else "",
        "longest": option.longest,
        "description": option.description,
    }


def option_groups(manifest: Manifest, env: Environment) -> list[tuple[str, list[Option]]]:
    """Return a script's options in groups: its own, those shared with other scripts, and unsupported ones."""
    own, shared, refused = f"Options of {manifest.alias}", "Options shared with other scripts", "Not supported"
    groups: dict[str, list[Option]] = {own: [], shared: [], refused: []}
    for name, each in manifest.inputs.items():
        described = describe_option(each, env)
        open_default = "" if described["fixed"] or described["default"] is None else as_text(described["default"])
        option = Option(
            each.name,
            _KINDS.get(each.kind, "text"),
            notes_of({**described, "choices": (), **({} if described["fixed"] else {"default": None})}),
            value=value_form(described),
            default=open_default,
            choices=tuple(map(in_words, each.choices)),
        )
        group = refused if "*" in each.refused else shared if name in manifest.shared_inputs else own
        groups[group].append(option)
    return [(title, options) for title, options in groups.items() if options]


def value_form(described: Mapping[str, Any]) -> str:
    """Return the form of an option's value: "=PATH"; "" for a switch."""
    return {"flag": "", "path": "=PATH", "number": "=NUMBER", "numbers": "=NUMBER,...", "name": "=NAME"}.get(
        described["type"], "=TEXT"
    )


def notes_of(described: Mapping[str, Any]) -> str:
    """Return the description of an option: range, choices, requirements and default."""
    default = "" if described["default"] is None else as_text(described["default"])
    holds = f"set to {default} by a variation or version" if described["fixed"] else f"default {default}"
    choices = ", ".join(in_words(each) for each in described["choices"])
    notes = (
        described["description"],
        described["range"],
        choices and (f"or {choices}" if described["range"] else f"one of {choices}"),
        described["longest"] and f"at most {described['longest']} bytes",
        *_not_supported(described["refused"]),
        described["needs"] and f"only with --{described['needs']}",
        "" if described["default"] is None else holds,
    )
    return "; ".join(filter(None, notes))


def in_words(pattern: str) -> str:
    """Return a pattern of values in words: "zoo:..." for "zoo:*"."""
    return "any value" if pattern == "*" else pattern.replace("*", "...")


def _not_supported(refused: Mapping[str, str]) -> Iterator[str]:
    """Yield each unsupported pattern with its reason."""
    for pattern, reason in refused.items():
        yield f"not supported ({reason})" if pattern == "*" else f"not {in_words(pattern)} ({reason})"
