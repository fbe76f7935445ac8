"""What uv's failures mean to the user, in one line each."""

from __future__ import annotations

import re

# uv decorates its messages for people; these are its frames, arrows and line breaks.
_DECORATION = re.compile(r"[\s\u2500-\u257f\u25b6\u00d7\u2717]+")
_PACKAGE = r"`?(?P<package>[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?(?:==[^\s`]+)?)`?"
# The first that fits is said: a lost network also leaves requirements unsatisfied.
_MEANINGS = {
    r"No space left on device": "the disk is full; make room, or let UV_CACHE_DIR name a folder elsewhere",
    rf"Hash mismatch for {_PACKAGE}": (
        "{package}: what the package index gives has not the hash of the lock file (a mirror with other files, or a"
        " damaged download); try `uv cache clean`, or another index"
    ),
    rf"Failed to build {_PACKAGE}": (
        "{package} has no wheel for this machine and could not be compiled; it needs a C++ compiler and Python's"
        " headers (Debian, Ubuntu: apt install g++ python3-dev)"
    ),
    r"network was disabled|Network connectivity is disabled": (
        "packages are not in uv's cache, and --offline forbids to fetch them; run once with a network"
    ),
    r"invalid peer certificate|UnknownIssuer|certificate verify": (
        "the package index's certificate is not trusted; SSL_CERT_FILE names the certificates to trust"
    ),
    r"python-build-standalone|Failed to download (?:managed )?Python|cpython-[\d.]+.*error sending request": (
        "its download cannot be reached: no network, or a proxy is needed (HTTPS_PROXY), or another place"
        " (UV_PYTHON_INSTALL_MIRROR)"
    ),
    r"dns error|failed to lookup address": (
        "the package index's name cannot be resolved: no network, or a proxy is needed (HTTPS_PROXY), or another"
        " index (PIP_INDEX_URL or UV_DEFAULT_INDEX)"
    ),
    r"tcp connect error|client error \(Connect\)|Connection refused|Connection reset|timed out|tunnel error": (
        "the package index cannot be reached: no network, or a proxy that is needed or wrong (HTTPS_PROXY), or"
        " another index (PIP_INDEX_URL or UV_DEFAULT_INDEX)"
    ),
    r"401 Unauthorized|403 Forbidden|status code 40[13]|\(40[13]": (
        "the package index refuses access; its address may need a user and a password"
    ),
    rf"{_PACKAGE} has no (?:usable wheels|wheels with a matching|compatible wheels)": (
        "{package} has no wheel for {subject}; choose a Python that it has one for"
    ),
    rf"there is no version of {_PACKAGE}": "the package index has no {package} (an incomplete mirror?)",
    rf"{_PACKAGE} was not found in the": "the package index does not know {package} (an incomplete mirror?)",
    r"No interpreter found|Failed to inspect Python|Querying Python at": "the Python does not work",
    r"Permission denied": "a folder may not be written to",
}


def meaning(said: str, subject: str = "this Python and machine") -> str:
    """Return what uv's output means, in its own words where that is not known.

    `subject` is what packages were wanted for ("CPython 3.12 on x86_64").
    """
    text = _DECORATION.sub(" ", said)
    # uv writes markers into names: anyio{sys_platform != 'emscripten'}==4.16.0
    text = re.sub(r"\{[^}]*\}", "", text)
    for pattern, words in _MEANINGS.items():
        if found := re.search(pattern, text, re.IGNORECASE):
            named = {name: value.rstrip(".,") for name, value in found.groupdict().items()}
            return words.format(subject=subject, **named)
    errors = re.findall(r"error: (.*?)(?= hint:| error:|$)", text)
    return errors[-1].strip() if errors else "uv failed"
