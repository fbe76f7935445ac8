"""All files of a board's site but its bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.leaderboard.site.content.challenge_pages import challenge_pages
from mlperf_home.leaderboard.site.content.front_page import front_page
from mlperf_home.leaderboard.site.content.list_pages import list_pages
from mlperf_home.leaderboard.site.content.result_pages import result_pages
from mlperf_home.leaderboard.site.content.subject_pages import subject_pages
from mlperf_home.leaderboard.site.data_files import data_files
from mlperf_home.leaderboard.site.drafts import PageMaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.leaderboard.site.drafts import Draft
    from mlperf_home.leaderboard.site.site_data import SiteData


def pages(data: SiteData) -> Iterator[Draft]:
    """Yield the drafts of all files of the site but the bundles."""
    maker = PageMaker(data.settings)
    yield from data_files(data)
    yield front_page(data, maker)
    yield from list_pages(data, maker)
    yield from challenge_pages(data, maker)
    yield from subject_pages(data, maker)
    yield from result_pages(data, maker)
