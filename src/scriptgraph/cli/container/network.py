"""What a build and a container need to reach the network as this machine does: proxies, certificates, package index."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.immutable import Immutable
from scriptgraph.python_env.uv import index_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
_LOCAL = re.compile(r"(?:://|@|^)(?:localhost|127\.|\[::1\])", re.IGNORECASE)
# uv's variables, each with pip's and the separator of its parts.
_INDEX = {
    "UV_DEFAULT_INDEX": ("PIP_INDEX_URL", None),
    "UV_INDEX_URL": ("PIP_INDEX_URL", None),
    "UV_INDEX": ("PIP_EXTRA_INDEX_URL", None),
    "UV_EXTRA_INDEX_URL": ("PIP_EXTRA_INDEX_URL", None),
    "UV_FIND_LINKS": ("PIP_FIND_LINKS", ","),
}
_ADDRESS = re.compile(r"^(?:[\w.-]+=)?(https?://.*)$", re.DOTALL)
CERTIFICATES = "/opt/certificates.pem"
"""The file of trusted certificates in a container."""
CERTIFICATE_VARIABLES = (
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "NODE_EXTRA_CA_CERTS"),
)


class NetworkSettings(Immutable):
    """This machine's way to the network.

    Attributes:
        proxies: the names of variables with proxies.
        local_proxy: whether a proxy listens on this machine alone, so that only this machine's network reaches it.
        certificates: the file of trusted certificates; None for those of the image.
        index: variables of uv and pip with the package index; they may hold passwords.
        unreachable: addresses of the package index that are paths of this machine.
    """

    proxies: tuple[str, ...]
    local_proxy: bool
    certificates: Path | None
    index: Mapping[str, str]
    unreachable: tuple[str, ...]

    def index_script(self) -> str:
        """Return the lines of a shell that set the variables of the package index."""
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(self.index.items()))


def network_settings(environ: Mapping[str, str], certificates: Path | None) -> NetworkSettings:
    """Read the settings from an environment, and from pip's configuration; `certificates` overrides them."""
    own, _ = index_settings(environ)
    names = [name for upper in _PROXIES for name in (upper, upper.lower()) if environ.get(name)]
    trusted = environ.get("SSL_CERT_FILE") or own.get("SSL_CERT_FILE")
    if certificates is None and trusted and Path(trusted).is_file():
        certificates = Path(trusted)
    index, unreachable = _index({**environ, **own})
    proxied = (environ[name] for name in names if not name.lower().startswith("no_"))
    return NetworkSettings(
        tuple(names), any(_LOCAL.search(value) for value in proxied), certificates, index, tuple(unreachable)
    )


def _index(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables of the package index for uv and pip, and the addresses that no container reaches."""
    found: dict[str, str] = {}
    unreachable: list[str] = []
    for name, (of_pip, separator) in _INDEX.items():
        words = [word.strip() for word in environ.get(name, "").split(separator) if word.strip()]
        reached = [word for word in words if _ADDRESS.match(word)]
        unreachable += [word for word in words if word not in reached]
        if reached:
            found[name] = (separator or " ").join(reached)
            found[of_pip] = " ".join(_ADDRESS.sub(r"\1", word) for word in reached)
    if hosts := environ.get("UV_INSECURE_HOST"):
        found |= {"UV_INSECURE_HOST": hosts, "PIP_TRUSTED_HOST": hosts}
    # UV_INDEX_NAME_USERNAME and its like, and the strategy.
    own = {name: value for name, value in environ.items() if re.fullmatch(r"UV_INDEX_\w+", name) and name not in found}
    own.pop("UV_INDEX_URL", None)
    return found | own, list(dict.fromkeys(unreachable))
