"""Who sends a bundle: what its manifest tells, and `contributor.json`, the name by choice."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

CONTRIBUTOR_LIMITS = Limits(size=4096, depth=1, values=10)
"""A name, a link and a salt."""

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
Link = Annotated[str, Meta(pattern=r"^(https://[!-~]{1,200})?$")]


class Sender(Document):
    """The sender of a bundle, as its manifest tells.

    Attributes:
        system: the system's name in results.
        key: fingerprint of the key that signs the manifest; "" if none does.
        contributor: the salted hash of the contributor's name; "" without a name.
    """

    system: str
    key: str = ""
    contributor: str = ""


class Contributor(Document):
    """The name of a contributor, with an address by choice, and the salt of the name's hash."""

    schema: Literal["mlperf-home/contributor/1"] = "mlperf-home/contributor/1"
    name: Name
    link: Link = ""
    salt: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
