"""A bundle from elsewhere starts no workflow unless the user, or a listed signer, answers for it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from challenge_homes import NAME, ChallengeHome

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    """Return the folder of another home, whose log has none of this one's bundles."""
    return str(tmp_path / "elsewhere")


def test_a_bundle_from_elsewhere_needs_trust(
    home: ChallengeHome, elsewhere: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = home.bundle()
    home.ran.clear()

    answer = home("replay", results=str(bundle), home=elsewhere, out="con")

    assert answer["return"] == 1
    assert "\n" not in answer["error"]
    assert f"would run 2 workflows of {NAME}" in answer["error"]
    assert "--trust" in answer["error"]
    assert "cm run script --tags=run,first,_sample" in capsys.readouterr().out
    assert home.ran == []


def test_trust_replays_it(home: ChallengeHome, elsewhere: str) -> None:
    answer = home("replay", results=str(home.bundle()), home=elsewhere, trust=True)

    assert (answer["return"], answer["verdict"]) == (0, "reproduced")


def test_an_own_bundle_needs_no_trust(home: ChallengeHome) -> None:
    assert home("replay", results=str(home.bundle()))["return"] == 0


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (openssh-client)")
def test_a_listed_signer_is_enough(home: ChallengeHome, elsewhere: str, tmp_path: Path) -> None:
    for name in ("own", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
        key = (tmp_path / name).with_suffix(".pub").read_text()
        (tmp_path / f"{name}-signers").write_text(f"ada@example.org {key}")
    bundle = str(home.bundle(sign_key=str(tmp_path / "own")))

    unlisted = home("replay", results=bundle, home=elsewhere)
    refused = home("replay", results=bundle, home=elsewhere, allowed_signers=str(tmp_path / "other-signers"))
    accepted = home("replay", results=bundle, home=elsewhere, allowed_signers=str(tmp_path / "own-signers"))

    assert "--allowed_signers" in unlisted["error"]
    assert "not on the list" in refused["error"]
    assert accepted["return"] == 0, accepted
