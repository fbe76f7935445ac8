"""The picture of a run over time is well-formed, small, and the same for the same run."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from kept_times import honest, series, two_states

from mlperf_home.contracts.runs.latencies import TimesOverTime
from mlperf_home.latencies.over_time import draw, over_time
from mlperf_home.latencies.series import LatencySeries

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314 - our own picture


@pytest.mark.parametrize("durations", [honest(), two_states(), honest(20), [1_000_000] * 500, [0] * 10 + [1, 2]])
def test_a_picture_is_drawn_of_any_run(durations: list[int]) -> None:
    times = over_time(series(durations))
    assert len(times.ends_s) <= 120
    assert {len(line) for line in times.lines.values()} == {len(times.ends_s)}
    picture = draw(times, "a run")
    assert picture == draw(over_time(series(durations)), "a run")
    assert {"p50", "p90", "p99", "a run"} <= set(texts(picture))
    assert "nan" not in picture
    assert len(picture) < 40_000


def test_slow_parts_are_shaded() -> None:
    quiet, changing = (draw(over_time(series(each)), "x") for each in (honest(), two_states()))
    assert "shaded" not in quiet
    assert "shaded: the machine was slower" in changing
    assert changing.count("fill-opacity") > quiet.count("fill-opacity") == 0


def test_completions_are_drawn_as_a_rate() -> None:
    run = series(honest())
    counted = LatencySeries("completions", run.block_s, run.duration_s, run.blocks)
    times = over_time(counted)
    assert sum(times.lines["samples per second"]) / len(times.ends_s) == pytest.approx(1000, rel=0.02)
    assert "per second" in texts(draw(times, "x"))


def test_a_title_is_no_markup() -> None:
    picture = draw(over_time(series(honest(200))), "<script>\x1b[31m & co")
    assert "<script>" not in picture
    assert any("&" in each for each in texts(picture))


@pytest.mark.parametrize(
    "edited",
    [
        {"ends_s": ()},
        {"lines": {}},
        {"lines": {"p50": ()}},
        {"lines": {"p50": (1.0,)}},
        {"lines": {"p50": (-1.0, 1.0)}},
        {"lines": {"p50": (0.0, 1.0)}},
        {"ends_s": (2.0, 1.0)},
        {"slow": (True,)},
    ],
)
def test_times_that_no_run_has_have_no_picture(edited: dict[str, object]) -> None:
    fields = {"kind": "latencies", "ends_s": (1.0, 2.0), "lines": {"p50": (1.0, 2.0)}, "slow": (), **edited}

    assert draw(TimesOverTime(**fields), "x") == ""  # type: ignore[arg-type]


def test_a_picture_within_a_page_names_no_address() -> None:
    assert "http" not in draw(over_time(series(honest())), "x", inline=True)
