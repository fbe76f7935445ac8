"""The colours of marks: what they stand for, in the page and in the still pictures alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pictures import mark, picture

from mlperf_home.pictures.colours import OTHERS, PALETTES, colour, group_of, groups, usual_shade
from mlperf_home.pictures.picture import with_fronts

if TYPE_CHECKING:
    from pathlib import Path


def test_one_machine_has_a_colour_for_each_family() -> None:
    marks = [mark(name, 1, 50, facts={"family": name}) for name in ("v1", "v2", "efficientnet-lite0")]

    found = groups(marks)

    assert usual_shade(found) == "family"
    assert found["family"] == ["efficientnet-lite", "v1", "v2"]


def test_several_machines_have_a_colour_each() -> None:
    marks = [mark("a", 1, 50, system="that", imported=True) for _ in range(3)]

    found = groups([*marks, mark("a", 1, 50, system="this")])

    assert usual_shade(found) == "system"
    assert found["system"] == ["this", "that"]


def test_of_many_machines_the_smallest_share_a_colour() -> None:
    marks = [mark("a", 1, 50, system=f"m{number}") for number in range(20) for _ in range(30 - number)]

    names = groups(marks)["system"]

    assert names == [*(f"m{number}" for number in range(7)), OTHERS]
    assert group_of(marks[-1], "system", names) == OTHERS
    assert colour(OTHERS, names) == PALETTES["light"][-1]
    assert len({colour(name, names) for name in names}) == len(names)


def test_still_and_page_have_the_same_colours(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed in this Python")
    pytest.importorskip("plotly", reason="Plotly is not installed in this Python")
    from mlperf_home.pictures.drawing import draw, write_page

    shown = with_fronts(picture(*(mark(name, 1, 50, facts={"family": name}) for name in ("v1", "v2"))))

    draw(shown, tmp_path / "f.svg", tmp_path / "f.png")

    svg, page = (tmp_path / "f.svg").read_text(), write_page(shown)
    assert '"shade":"family"' in page
    for each in PALETTES["light"][:2]:
        assert each in svg
        assert each in page
