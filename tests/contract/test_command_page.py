"""docs/commands.md agrees with the tables of the commands."""

from __future__ import annotations

from command_page import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "renew it: python tools/command_page.py"
