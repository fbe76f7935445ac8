"""A signature names the signer of a bundle, or verification names the problem."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.bundles.bundle import MANIFEST, SIGNATURE
from mlperf_home.product import PRODUCT
from scriptgraph.embed import SignatureError, sign_file

if TYPE_CHECKING:
    from pathlib import Path

    from challenge_homes import ChallengeHome

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (openssh-client)")


@needs_ssh
class TestSignatures:
    @pytest.fixture
    def keys(self, tmp_path: Path) -> dict[str, Path]:
        made = {}
        for name in ("own", "other"):
            made[name] = tmp_path / name
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", made[name]], check=True)
        return made

    @staticmethod
    def signers(keys: dict[str, Path], name: str, who: str = "ada@example.org") -> Path:
        path = keys[name].with_name("signers")
        path.write_text(f"{who} {keys[name].with_suffix('.pub').read_text()}")
        return path

    def test_a_listed_key_names_the_signer(self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path) -> None:
        unpacked = UnpackedBundle(home.bundle(sign_key=str(keys["own"])), tmp_path)

        verified = unpacked.verified(allowed_signers=self.signers(keys, "own"))

        assert problems_of(verified) == []
        assert verified.signature is not None
        assert verified.signature.signer == "ada@example.org"

    def test_without_a_list_the_key_is_named(self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path) -> None:
        verified = UnpackedBundle(home.bundle(sign_key=str(keys["own"])), tmp_path).verified()

        assert problems_of(verified) == []
        assert verified.signature is not None
        assert verified.signature.key.startswith("SHA256:")
        assert "owner unknown" in str(verified.signature)

    def test_rewritten_hashes_break_the_signature(
        self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path
    ) -> None:
        unpacked = UnpackedBundle(home.bundle(sign_key=str(keys["own"])), tmp_path)
        unpacked.change("system.json", lambda each: each.update(hw_notes="overclocked"))
        unpacked.rehash()

        assert any(line.startswith(SIGNATURE) for line in problems_of(unpacked.verified()))

    def test_another_key_is_not_on_the_list(self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path) -> None:
        unpacked = UnpackedBundle(home.bundle(sign_key=str(keys["other"])), tmp_path)

        problems = problems_of(unpacked.verified(allowed_signers=self.signers(keys, "own")))

        assert any("not on the list" in line for line in problems)

    def test_a_signature_for_another_purpose_is_invalid(self, unpacked: UnpackedBundle, keys: dict[str, Path]) -> None:
        manifest = unpacked.root / MANIFEST
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", keys["own"], manifest], check=True)

        assert any(line.startswith(SIGNATURE) for line in problems_of(unpacked.verified()))

    def test_a_missing_signature_is_a_problem_with_a_list(
        self, unpacked: UnpackedBundle, keys: dict[str, Path]
    ) -> None:
        problems = problems_of(unpacked.verified(allowed_signers=self.signers(keys, "own")))

        assert problems == [f"{SIGNATURE}: is missing: the bundle has no signature"]

    def test_a_missing_list_is_an_error(self, unpacked: UnpackedBundle, tmp_path: Path) -> None:
        with pytest.raises(SignatureError, match=r"allowed_signers=.*there is no such file; name a list"):
            unpacked.verified(allowed_signers=tmp_path / "nobody")

    def test_a_damaged_signature_is_named(self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path) -> None:
        unpacked = UnpackedBundle(home.bundle(sign_key=str(keys["own"])), tmp_path)
        (unpacked.root / SIGNATURE).write_text("nonsense")

        assert any(line.startswith(SIGNATURE) for line in problems_of(unpacked.verified()))

    def test_a_key_with_a_passphrase_never_prompts(self, tmp_path: Path) -> None:
        key, file = tmp_path / "locked", tmp_path / "file"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
        file.write_text("x")

        with pytest.raises(SignatureError, match="without a passphrase"):
            sign_file(file, key, PRODUCT.name)
        assert not (tmp_path / "file.sig").exists()
