"""A list from outside is read with limits; nothing in it is more than names and numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from board_homes import needs_ssh, ssh_key
from volunteers import list_document, run_document, write_list

from mlperf_home.leaderboard.participation.board_list import board_address, read_board_list
from mlperf_home.leaderboard.participation.errors import ParticipationError
from scriptgraph.embed import sign_file

if TYPE_CHECKING:
    from pathlib import Path


class Answer:
    """An answer of a server."""

    def __init__(self, content: bytes = b"", status: int = 200, location: str = "") -> None:
        self.content, self.status_code = content, status
        self.headers = {"Location": location} if location else {}
        self.is_redirect = bool(location)

    def iter_content(self, size: int) -> Any:
        return (self.content[start : start + size] for start in range(0, len(self.content), size))

    def close(self) -> None:
        pass


def server(answers: dict[str, Answer]) -> Any:
    return lambda url: answers.get(url, Answer(status=404))


def test_a_folder_of_pages_is_a_board(tmp_path: Path) -> None:
    write_list(tmp_path / "site", run_document())

    address = board_address(str(tmp_path / "site" / "wanted.json"))
    found = read_board_list(address)

    assert address == str(tmp_path / "site")
    assert (found.wanted.board, len(found.wanted.runs), found.key) == ("Board", 1, "")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://board.example/b/", "https://board.example/b"),
        ("https://board.example/b/index.html", "https://board.example/b"),
        ("https://board.example/b/wanted.json", "https://board.example/b"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_addresses_of_one_board_are_one(text: str, address: str) -> None:
    assert board_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "http://board.example/", "ftp://board.example", "file:///etc/passwd", "https://", "https://me:pw@board.example",
        "https://board.example/?q=1", "https://board.example/#x", "https://board.example/a b", "https://[::1",
        "https://board.example:99999", "https://board.example/\u202e", "javascript://x", "/no/such/folder", "",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ParticipationError):
        board_address(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"challenge": "../../etc"}, {"challenge": "a/b"}, {"challenge": ""}, {"challenge": "--unlocked"},
        {"challenge": "x;reboot"}, {"challenge": "$(reboot)"}, {"challenge": ["first"]}, {"challenge": "a" * 101},
        {"workflow": "first,second"}, {"workflow": "first second"}, {"workflow": "first\u0000"}, {"workflow": None},
        {"command": "rm -rf /"}, {"tags": "run,anything"}, {"options": {"new": True}}, {"env": {"PATH": "."}},
        {"url": "https://elsewhere.example"}, {"send_to": "https://elsewhere.example"}, {"only": "second"},
        {"hours": -1}, {"hours": 1e9}, {"hours": "1"}, {"hours": True}, {"gain": -1}, {"gain": 1.5}, {"credit": 2**60},
        {"results": "many"}, {"of": "any"}, {"of": {"cpu": "x" * 201}}, {"of": {"cpu": "x", "cores": 0}},
        {"of": {"cpu": "x", "command": "reboot"}}, {"places": [{"model": "x"}]}, {"places": "all"},
        {"keys": ["x" * 201]}, {"keys": ["k"] * 1001},
    ],
    ids=str,
)  # fmt: skip
def test_a_list_with_more_than_names_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_list(tmp_path, run_document(**changes))

    with pytest.raises(ParticipationError, match=r"is no list of what is wanted"):
        read_board_list(str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"schema": "mlperf-home/wanted/2"}',
        b'{"schema": "mlperf-home/wanted/1", "schema": "mlperf-home/wanted/1"}', b'{"runs": NaN}',
        json.dumps(list_document(sample="no")).encode(), json.dumps(list_document(command="x")).encode(),
        json.dumps(list_document(*[run_document()] * 1001)).encode(), b" " * ((4 << 20) + 1),
        json.dumps(list_document(send_to="https://elsewhere.example")).encode(),
        json.dumps(list_document(key="SHA256:another")).encode(), b'{"board": "\\ud800"}',
    ],
    ids=lambda content: repr(content[:40]),
)  # fmt: skip
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wanted.json").write_bytes(content)

    with pytest.raises(ParticipationError):
        read_board_list(str(tmp_path))


def test_a_board_without_a_list_says_so(tmp_path: Path) -> None:
    with pytest.raises(ParticipationError, match="no list of what is wanted"):
        read_board_list(str(tmp_path))


@needs_ssh
class TestSignatures:
    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        path = write_list(tmp_path / "site", run_document())
        sign_file(path, ssh_key(tmp_path, "board"), "mlperf-home")
        return path.parent

    def test_the_key_of_a_signed_list_is_known(self, site: Path) -> None:
        assert read_board_list(str(site)).key.startswith("SHA256:")

    def test_a_changed_list_is_refused(self, site: Path) -> None:
        write_list(site, run_document(workflow="second"))

        with pytest.raises(ParticipationError, match="signature does not fit"):
            read_board_list(str(site))

    def test_a_signature_for_another_purpose_is_refused(self, site: Path, tmp_path: Path) -> None:
        sign_file(site / "wanted.json", tmp_path / "board", "git")

        with pytest.raises(ParticipationError, match="signature does not fit"):
            read_board_list(str(site))

    @pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n", b"x" * 20_000])
    def test_a_damaged_signature_is_refused(self, site: Path, content: bytes) -> None:
        (site / "wanted.json.sig").write_bytes(content)

        with pytest.raises(ParticipationError):
            read_board_list(str(site))


class TestServers:
    LIST = json.dumps(list_document(run_document())).encode()

    def test_a_list_is_read_from_its_address(self) -> None:
        found = read_board_list("https://b.example", server({"https://b.example/wanted.json": Answer(self.LIST)}))

        assert len(found.wanted.runs) == 1

    def test_a_redirect_is_followed(self) -> None:
        answers = {
            "https://b.example/wanted.json": Answer(location="https://c.example/wanted.json"),
            "https://c.example/wanted.json": Answer(self.LIST),
        }
        assert read_board_list("https://b.example", server(answers)).wanted.board == "Board"

    @pytest.mark.parametrize(
        "target", ["http://c.example/wanted.json", "file:///etc/passwd", "https://b.example/wanted.json"]
    )
    def test_redirects_elsewhere_or_without_end_are_refused(self, target: str) -> None:
        answers = {"https://b.example/wanted.json": Answer(location=target), target: Answer(self.LIST)}
        answers["https://b.example/wanted.json"] = Answer(location=target)

        with pytest.raises(ParticipationError):
            read_board_list("https://b.example", server(answers))

    def test_an_endless_answer_is_cut_off(self) -> None:
        endless = Answer(b" " * (8 << 20))

        with pytest.raises(ParticipationError, match="more than"):
            read_board_list("https://b.example", server({"https://b.example/wanted.json": endless}))

    def test_an_error_of_the_server_is_told(self) -> None:
        with pytest.raises(ParticipationError, match="answers 500"):
            read_board_list("https://b.example", server({"https://b.example/wanted.json": Answer(status=500)}))

    def test_a_server_out_of_reach_is_told(self) -> None:
        def refuse(_url: str) -> Any:
            raise requests.ConnectionError

        with pytest.raises(ParticipationError, match="out of reach"):
            read_board_list("https://b.example", refuse)
