"""Who sends a bundle: a key, and a name that can be forgotten."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import msgspec
import pytest
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.bundles.bundle import redacted
from mlperf_home.challenges.bundles.redaction import Redaction
from mlperf_home.challenges.bundles.sender import (
    CONTRIBUTOR_FILE,
    CONTRIBUTOR_SIGNATURE,
    pseudonym_of,
    read_contributor,
)
from mlperf_home.contracts.challenges.contributor import Sender
from mlperf_home.contracts.challenges.report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.layouts import read_layout

if TYPE_CHECKING:
    from pathlib import Path

    from challenge_homes import ChallengeHome

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (openssh-client)")


def key_in(folder: Path, name: str = "key") -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


@pytest.fixture
def named(home: ChallengeHome, tmp_path: Path) -> UnpackedBundle:
    options = {"submitter": "Ada_L", "submitter_link": "https://example.org/ada"}
    return UnpackedBundle(home.bundle(only="first", sign_key=str(key_in(tmp_path)), **options), tmp_path)


def test_a_named_bundle_tells_key_system_and_hash(named: UnpackedBundle) -> None:
    verified = named.verified()
    sender = verified.manifest.sender
    contributor = read_contributor(verified.root)

    assert problems_of(verified) == []
    assert sender is not None
    assert verified.signature is not None
    assert sender.key == verified.signature.key
    assert sender.contributor == pseudonym_of(contributor)
    assert (contributor.name, contributor.link) == ("Ada_L", "https://example.org/ada")
    assert sender.key in (verified.root / "report.md").read_text()


def test_the_name_stands_in_one_file_alone(named: UnpackedBundle) -> None:
    holding = [path.name for path in named.root.rglob("*") if path.is_file() and b"Ada_L" in path.read_bytes()]
    assert holding == [CONTRIBUTOR_FILE]


def test_a_bundle_whose_name_is_forgotten_is_valid(named: UnpackedBundle) -> None:
    (named.root / CONTRIBUTOR_FILE).unlink()
    (named.root / CONTRIBUTOR_SIGNATURE).unlink()
    assert problems_of(named.verified()) == []


def test_another_name_is_told(named: UnpackedBundle) -> None:
    named.change(CONTRIBUTOR_FILE, lambda document: {**document, "name": "Eve"})
    assert any(CONTRIBUTOR_FILE in each for each in problems_of(named.verified()))


def test_a_name_signed_by_another_key_is_told(named: UnpackedBundle, tmp_path: Path) -> None:
    other = key_in(tmp_path, "other")
    (named.root / CONTRIBUTOR_SIGNATURE).unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "mlperf-home", "-f", other, named.root / CONTRIBUTOR_FILE], check=True
    )
    assert any("is signed by" in each for each in problems_of(named.verified()))


def test_a_lost_signature_is_told(named: UnpackedBundle) -> None:
    (named.root / "bundle.json.sig").unlink()
    assert any("is missing: the manifest names the key" in each for each in problems_of(named.verified()))


def test_two_bundles_of_a_home_have_one_pseudonym(home: ChallengeHome, tmp_path: Path) -> None:
    key = str(key_in(tmp_path))
    hashes = set()
    for new in (False, True):
        with tarfile.open(home.bundle(only="first", sign_key=key, submitter="Ada", new=new)) as archive:
            member = next(each for each in archive.getnames() if each.endswith("/bundle.json"))
            file = archive.extractfile(member)
            assert file is not None
            hashes.add(json.load(file)["sender"]["contributor"])
    assert len(hashes) == 1


def test_a_name_without_a_key_is_not_in_the_bundle(home: ChallengeHome, tmp_path: Path) -> None:
    unpacked = UnpackedBundle(home.bundle(only="first", submitter="Ada_L"), tmp_path)
    assert not any(b"Ada_L" in path.read_bytes() for path in unpacked.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("link", ["http://example.org", "https://", "javascript:alert(1)", "https://a b"])
def test_a_link_that_is_no_address_is_refused(home: ChallengeHome, tmp_path: Path, link: str) -> None:
    key = str(key_in(tmp_path))
    answer = home("run", sample=True, only="first", sign_key=key, submitter="Ada", submitter_link=link)
    assert answer["return"] == 1
    assert "--submitter_link" in answer["error"]


def test_attempts_are_counted_over_runs_set_aside(home: ChallengeHome, tmp_path: Path) -> None:
    home.bundle(only="first")
    bundle = home.bundle(only="first", new=True)
    run = json.loads((UnpackedBundle(bundle, tmp_path).root / "run.json").read_text())
    assert run["workflows"]["first"]["attempts"] == 2


def test_a_fingerprint_like_a_path_stays_whole(home: ChallengeHome) -> None:
    report = read_layout(home.bundle(only="first").with_name("report.json"), ChallengeReport, REPORT_LIMITS)
    key = "SHA256:X3zP/wUjJhhVBr9P+/gfS2C5xUFicfaxktvUAq/qLy8"
    facts = msgspec.structs.replace(report, sender=Sender(system="a machine", key=key))

    found = redacted(Redaction({"<home>": home.home}), facts)

    assert found.sender == facts.sender
