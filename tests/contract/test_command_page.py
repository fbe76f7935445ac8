"""docs/commands.md says what the tables of the commands say."""

from __future__ import annotations

from command_page import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python tools/command_page.py"
