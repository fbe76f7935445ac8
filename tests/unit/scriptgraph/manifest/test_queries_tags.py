"""Queries are parsed with any separators, and the later of a word and its negation wins."""

from __future__ import annotations

import pytest

from scriptgraph.manifest.queries import Query, parse_query


@pytest.mark.parametrize(
    "text", ["run,mlperf,_sample,-old", "run mlperf _sample -old", " run, mlperf ,,_sample\t-old,run"]
)
def test_commas_and_spaces_are_equal_and_repeats_count_once(text: str) -> None:
    assert parse_query(text) == Query(
        "run,mlperf,_sample,-old", required=("run", "mlperf"), excluded=("old",), variations=("sample",)
    )


def test_empty_text_requests_nothing() -> None:
    assert parse_query("  , ") == Query("")


def test_a_value_of_a_variation_may_hold_dots_and_dashes() -> None:
    assert parse_query("x,_url.https://host/a-b_c.json").variations == ("url.https://host/a-b_c.json",)


def test_a_minus_keeps_a_variation_off() -> None:
    query = parse_query("x,_a,-_b")

    assert (query.variations, query.without) == (("a",), ("b",))


@pytest.mark.parametrize(
    ("text", "on", "off"), [("x,_a,-_a", (), ("a",)), ("x,-_a,_a", ("a",), ()), ("x,_a,-_a,_a", ("a",), ())]
)
def test_of_on_and_off_the_later_word_wins(text: str, on: tuple[str, ...], off: tuple[str, ...]) -> None:
    query = parse_query(text)

    assert (query.variations, query.without) == (on, off)


@pytest.mark.parametrize(("text", "required", "excluded"), [("x,a,-a", ("x",), ("a",)), ("x,-a,a", ("x", "a"), ())])
def test_of_tag_and_minus_tag_the_later_word_wins(
    text: str, required: tuple[str, ...], excluded: tuple[str, ...]
) -> None:
    query = parse_query(text)

    assert (query.required, query.excluded) == (required, excluded)
