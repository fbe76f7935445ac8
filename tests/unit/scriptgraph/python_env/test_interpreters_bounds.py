"""Requested versions become the lowest allowed version and the first one above that is not."""

from __future__ import annotations

import pytest

from scriptgraph.errors import ScriptGraphError
from scriptgraph.python_env.interpreters import version_bounds


@pytest.mark.parametrize(
    ("exact", "minimum", "maximum", "below", "bounds"),
    [
        ("", "", "", "", ((3, 10), (3, 99))),
        ("3.11", "3.8", "3.9", "", ((3, 11), (3, 12))),
        ("3.11.7", "", "", "", ((3, 11, 7), (3, 11, 8))),
        ("", "3.8", "", "3.12", ((3, 8), (3, 12))),
        ("", "", "3.11", "", ((3, 10), (3, 12))),
        ("", "", "3.13", "3.12", ((3, 10), (3, 12))),
        ("", "", "3.9.2", "3.12", ((3, 10), (3, 9, 3))),
    ],
)
def test_the_bounds_of_requested_versions(exact: str, minimum: str, maximum: str, below: str, bounds: object) -> None:
    assert version_bounds(exact, minimum, maximum, below) == bounds


def test_a_text_that_is_not_a_version_is_refused() -> None:
    with pytest.raises(ScriptGraphError, match=r"'new' is not a version of Python; write it like 3\.11"):
        version_bounds("", "new", "", "")
