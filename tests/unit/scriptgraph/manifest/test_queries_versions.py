"""A version is chosen: the default if it is in the range, otherwise the newest that is."""

from __future__ import annotations

import pytest

from scriptgraph.errors import VersionError
from scriptgraph.manifest.queries import ANY_VERSION, VersionRange, select_version

KNOWN = ("1.9", "1.10", "2.0")


@pytest.mark.parametrize(
    ("requested", "chosen"),
    [
        (ANY_VERSION, "1.9"),
        (VersionRange(exact="2.0"), "2.0"),
        (VersionRange(minimum="1.8"), "1.9"),
        (VersionRange(minimum="1.9.1"), "2.0"),
        (VersionRange(minimum="1.9.1", maximum="1.10"), "1.10"),
        (VersionRange(minimum="2.0"), "2.0"),
        (VersionRange(maximum="1.9"), "1.9"),
    ],
)
def test_the_default_wins_if_in_range_else_the_newest_match(requested: VersionRange, chosen: str) -> None:
    assert select_version("x", KNOWN, "1.9", requested) == chosen


@pytest.mark.parametrize(
    ("requested", "text"),
    [
        (VersionRange(exact="2.1"), "x: version 2.1 is not known; known: 1.9, 1.10, 2.0. Did you mean 2.0?"),
        (VersionRange(minimum="3"), "x: a version of at least 3 is not known; known: 1.9, 1.10, 2.0."),
        (
            VersionRange(minimum="1.11", maximum="1.12"),
            "x: a version of at least 1.11 and at most 1.12 is not known; known: 1.9, 1.10, 2.0.",
        ),
        (VersionRange(minimum="new"), "'new' is not a version; write something like 1.8.0"),
    ],
)
def test_a_version_that_does_not_exist_lists_the_known(requested: VersionRange, text: str) -> None:
    with pytest.raises(VersionError) as caught:
        select_version("x", KNOWN, "1.9", requested)

    assert str(caught.value) == text


def test_a_version_name_can_be_requested() -> None:
    assert select_version("x", ("master", "1.0"), "", VersionRange(exact="master")) == "master"


def test_a_version_name_is_in_no_range() -> None:
    assert select_version("x", ("master", "1.0"), "master", VersionRange(minimum="0.9")) == "1.0"


@pytest.mark.parametrize("requested", [VersionRange(exact="7"), VersionRange(minimum="3.9"), ANY_VERSION])
def test_a_script_without_versions_passes_the_request_on(requested: VersionRange) -> None:
    assert select_version("x", (), "", requested) == requested.exact


def test_no_version_is_chosen_without_default_or_request() -> None:
    assert select_version("x", KNOWN, "", ANY_VERSION) == ""


def test_a_range_is_narrowed_part_by_part() -> None:
    base = VersionRange(minimum="1", maximum="3")

    assert base.narrowed(VersionRange(maximum="2")) == VersionRange(minimum="1", maximum="2")
    assert base.narrowed(ANY_VERSION) == base


@pytest.mark.parametrize(
    ("requested", "text"),
    [
        (ANY_VERSION, "any version"),
        (VersionRange(exact="1"), "version 1"),
        (VersionRange(minimum="1", maximum="2"), "a version of at least 1 and at most 2"),
    ],
)
def test_a_range_reads_as_words(requested: VersionRange, text: str) -> None:
    assert str(requested) == text
