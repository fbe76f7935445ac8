"""Addresses and references that git would misread never reach its command line."""

from __future__ import annotations

import pytest

from mlperf_home.submission.git import GitUrlError, checked_ref, checked_url, fetch_commands


@pytest.mark.parametrize(
    "url", ["https://example.org/x.git", "ssh://git@example.org/x.git", "git@example.org:me/x.git", "/srv/x.git"]
)
def test_usual_addresses_are_accepted(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize("url", ["--upload-pack=touch x", "ext::sh -c x", "", " ", "https://x\n--y"])
def test_options_and_programs_are_no_addresses(url: str) -> None:
    with pytest.raises(GitUrlError, match="is not the address of a repository"):
        checked_url(url)


def test_a_token_in_an_address_is_rejected_and_not_shown() -> None:
    with pytest.raises(GitUrlError, match="carries a name or token") as caught:
        checked_url("https://me:s3cret@example.org/x.git")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("ref", ["", "-x", "a b", "a..b", "HEAD~1", "x:y"])
def test_invalid_references_are_rejected(ref: str) -> None:
    with pytest.raises(GitUrlError, match="is not the name of a branch"):
        checked_ref(ref)


def test_one_commit_is_fetched_without_its_history() -> None:
    commands = fetch_commands("/f", "https://example.org/x.git", "v3.1", "1")

    assert commands[1][-2:] == ["https://example.org/x.git", "v3.1"]
    assert "--depth=1" in commands[1]
