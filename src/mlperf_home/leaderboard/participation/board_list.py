"""Read a board's list of what is wanted: from its address or its folder, with limits, and with its signature."""

from __future__ import annotations

import re
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.leaderboard.wanted_list import WANTED_FILE, WANTED_LIMITS, WANTED_SIGNATURE, WantedList
from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import SignatureError, check_signature
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    Get = Callable[[str], Response]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ADDRESS = re.compile(r"[!-~]{1,2000}")
_ADVICE = "name the first page of a board, https://..., or the folder of its pages"
_CONNECT_S, _STALL_S = 15.0, 60.0
_MOST_REDIRECTS = 5
_SIGNATURE_BYTES = 16 << 10
_CHUNK_BYTES = 1 << 16
_GONE = frozenset({404, 410})


class BoardList(NamedTuple):
    """A list as it was read, and the fingerprint of the key that signs it; "" if none does."""

    wanted: WantedList
    key: str


def board_address(text: str) -> str:
    """Return the address of a board in one form: of its folder, without the name of the list or of the first page.

    Raises:
        ParticipationError: it is neither an address that may be read nor a folder.
    """
    if "://" in text:
        plain = text.removesuffix(WANTED_FILE).removesuffix("index.html").rstrip("/")
        return _checked_url(f"{plain}/").rstrip("/")
    path = Path(text).expanduser().absolute()
    folder = path.parent if path.name == WANTED_FILE else path
    if not text or not folder.is_dir():
        raise ParticipationError("--board", f"{text[:200]!r} is no address and no folder", _ADVICE)
    return str(folder)


def read_board_list(address: str, get: Get | None = None) -> BoardList:
    """Read the list of a board at an address of `board_address`, and check its signature if it has one.

    Raises:
        ParticipationError: it is out of reach, is no such list, or its signature does not fit.
    """
    where = f"{address}/{WANTED_FILE}"
    content = _content(address, WANTED_FILE, WANTED_LIMITS.size, get or _get)
    if content is None:
        raise ParticipationError(where, "there is no list of what is wanted", "ask the organiser to publish the board")
    try:
        wanted = decode(parse_json(content, where, WANTED_LIMITS, unique=True), WantedList, where)
    except DocumentError as error:
        problem = f"is no list of what is wanted ({error.pointer or 'it'}: {error.problem})"
        raise ParticipationError(where, problem, "nothing of it was used; tell the organiser") from None
    signature = _content(address, WANTED_SIGNATURE, _SIGNATURE_BYTES, get or _get)
    return BoardList(wanted, "" if signature is None else _signer(where, content, signature))


def _signer(where: str, content: bytes, signature: bytes) -> str:
    with tempfile.TemporaryDirectory() as name:
        file, beside = Path(name) / WANTED_FILE, Path(name) / WANTED_SIGNATURE
        file.write_bytes(content)
        beside.write_bytes(signature)
        try:
            return check_signature(file, beside, None, PRODUCT.name).key
        except SignatureError as error:
            problem = f"its signature does not fit ({error.problem})"
            raise ParticipationError(
                where, problem, "it was changed on the way, or is being renewed: try later"
            ) from None


def _content(address: str, name: str, most: int, get: Get) -> bytes | None:
    """Return the bytes of a file of a board; None if there is none."""
    if "://" in address:
        return _fetched(f"{address}/{name}", most, get)
    path = Path(address) / name
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ParticipationError(path, f"cannot be read ({error.strerror})", _ADVICE) from None
    return _limited(content, path, most)


def _fetched(url: str, most: int, get: Get) -> bytes | None:
    seen = url
    for _ in range(_MOST_REDIRECTS + 1):
        try:
            with closing(get(_checked_url(seen))) as response:
                if response.is_redirect:
                    seen = urljoin(seen, response.headers.get("Location", ""))
                    continue
                if response.status_code in _GONE:
                    return None
                if response.status_code != requests.codes.ok:
                    raise ParticipationError(url, f"the server answers {response.status_code}", "try again later")
                return _limited(_body(response, most), url, most)
        except requests.RequestException as error:
            problem = f"is out of reach ({type(error).__name__})"
            raise ParticipationError(url, problem, "check the address and the network, or try again later") from None
    raise ParticipationError(url, "leads from one address to another without end", "tell the organiser")


def _body(response: Response, most: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > most:
            break
    return bytes(content)


def _limited(content: bytes, where: object, most: int) -> bytes:
    if len(content) > most:
        raise ParticipationError(where, f"has more than {most:,} bytes", "nothing of it was used; tell the organiser")
    return content


def _get(url: str) -> Response:
    return requests.get(url, stream=True, allow_redirects=False, timeout=(_CONNECT_S, _STALL_S))


def _checked_url(text: str) -> str:
    """Return an address that may be read: https, or http on this machine."""
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ParticipationError("--board", f"{text[:200]!r} is no address", _ADVICE) from None
    if not (host and _ADDRESS.fullmatch(text) and parts.scheme in {"http", "https"}):
        raise ParticipationError("--board", f"{text[:200]!r} is no address", _ADVICE)
    if parts.username is not None or parts.query or parts.fragment:
        raise ParticipationError("--board", "the address has a name, a query or a fragment", _ADVICE)
    if parts.scheme == "http" and host not in _LOOPBACK:
        problem = f"{host} is reached without encryption: others on the way could change the list"
        raise ParticipationError("--board", problem, "write https://...")
    return text
