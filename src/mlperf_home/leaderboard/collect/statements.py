"""Statements that contributors sign: a bundle is withdrawn, or a key has a successor."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.events import Rotation, Withdrawal
from mlperf_home.contracts.leaderboard.keys import first_keys
from mlperf_home.leaderboard.store.board import today
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import check_signature, sign_file

if TYPE_CHECKING:
    from mlperf_home.leaderboard.store.index import BoardIndex


def withdrawal(index: BoardIndex, bundle: str, key: Path) -> Withdrawal:
    """Return the signed withdrawal of a bundle, named by the SHA-256 of its manifest or its beginning.

    Raises:
        BoardError: the board has no such bundle, or another key signed it.
        SignatureError: the key cannot sign.
    """
    receipt = index.receipt_of(bundle)
    if receipt is None:
        raise BoardError("--bundle", f"the board has no bundle {bundle[:80]!r}", "cm show board lists the bundles")
    if receipt.bundle in index.withdrawn():
        raise BoardError("--bundle", f"receipt {receipt.number} is already withdrawn", "nothing is left to do")
    statement = _statement(withdrawn=receipt.bundle)
    signature, signer = _signed(statement, key)
    owners = first_keys(index.key_facts()["successor"])
    if not receipt.key or owners.get(signer, signer) != owners.get(receipt.key, receipt.key):
        whose = f"was signed by {receipt.key}, not by {signer}" if receipt.key else "is unsigned"
        raise BoardError("--sign_key", f"receipt {receipt.number} {whose}", "only its signer withdraws a bundle")
    return Withdrawal(bundle=receipt.bundle, day=today(), statement=statement, signature=signature)


def rotation(index: BoardIndex, key: Path, successor: Path) -> Rotation:
    """Return the line by which an earlier key hands over to a later one.

    Raises:
        BoardError: the two are one key, or either has handed over already.
        SignatureError: one of them cannot sign.
    """
    later = _signed("trial", successor)[1]
    earlier = _signed("trial", key)[1]
    known = index.key_facts()["successor"]
    if earlier == later or earlier in known or later in known or later in known.values():
        raise BoardError("--successor", f"{later} cannot follow {earlier}", "use a key that the board does not know")
    statement = _statement(key=earlier, successor=later)
    return Rotation(
        key=earlier, successor=later, day=today(), statement=statement, signature=_signed(statement, key)[0]
    )


def _statement(**facts: str) -> str:
    return json.dumps({"schema": "mlperf-home/statement/1", "day": today(), **facts}, sort_keys=True)


def _signed(statement: str, key: Path) -> tuple[str, str]:
    """Return the signature of a statement, and the fingerprint of its key."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "statement.json"
        file.write_text(statement, encoding="utf-8")
        signature = sign_file(file, key, PRODUCT.name)
        return signature.read_text("utf-8"), check_signature(file, signature, None, PRODUCT.name).key
