"""The signature of the board's key beside the list of what is wanted."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mlperf_home.contracts.leaderboard.wanted_list import WANTED_FILE, WANTED_SIGNATURE
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import sign_file
from scriptgraph.files.atomic import replace_bytes


def sign_wanted(out: Path, key: Path | None) -> None:
    """Sign the list of a site; without a key, remove the signature of an earlier list.

    Raises:
        SignatureError: the key cannot sign.
        BoardError: the signature cannot be written.
    """
    target = out / WANTED_SIGNATURE
    try:
        if key is None:
            target.unlink(missing_ok=True)
            return
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name) / WANTED_FILE
            shutil.copyfile(out / WANTED_FILE, copy)
            content = sign_file(copy, key, PRODUCT.name).read_bytes()
        if not target.is_file() or target.read_bytes() != content:
            replace_bytes(target, content)
    except OSError as error:
        advice = "name a folder that you can write to, with enough space"
        raise BoardError(target, f"cannot be written ({error.strerror})", advice) from None
