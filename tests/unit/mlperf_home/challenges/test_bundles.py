"""A bundle is the same for the same run, names nobody, and whatever is edited in it is found and named."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from challenge_homes import NAME, ChallengeHome, challenge_home
from submission_results import ours

from mlperf_home.challenges.bundle import MANIFEST, SIGNATURE, file_entries
from mlperf_home.challenges.redaction import Redaction
from mlperf_home.challenges.signature import SignatureError, sign
from mlperf_home.challenges.verification import BundleError, Verified, verify
from mlperf_home.submission.tarball import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULT = "results/first/valid_results/box-reference-cpu-deepsparse-v1.8.0-default_config"
MODEL = f"{RESULT}/obert-large-pruned95_quant-none-bert-99/offline"
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (openssh-client)")


class Opened:
    """A bundle that was unpacked, to be edited and packed again."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.folder = folder
        with tarfile.open(bundle) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # from Python 3.11.4 on
            archive.extractall(folder / "edited")  # noqa: S202 - this test has made it
        self.root = folder / "edited" / NAME

    def change(self, name: str, change: Callable[[Any], Any]) -> None:
        """Edit a JSON file."""
        document = json.loads((self.root / name).read_text())
        changed = change(document)
        (self.root / name).write_text(json.dumps(document if changed is None else changed, indent=1, sort_keys=True))

    def rehash(self) -> None:
        """Write the hashes anew, as one would who wants to deceive."""
        self.change(MANIFEST, lambda manifest: manifest.update(files=file_entries(self.root)))

    def verified(self, **options: Any) -> Verified:
        """Pack it again and verify that."""
        target = self.folder / "edited.tar.gz"
        pack(self.root, target)
        return verify(target, self.folder / "unpacked", **options)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the bundle of one run: each test edits a copy of its own."""
    with pytest.MonkeyPatch.context() as patch:
        yield challenge_home(tmp_path_factory.mktemp("good"), patch).bundle()


@pytest.fixture
def opened(good: Path, tmp_path: Path) -> Opened:
    return Opened(good, tmp_path)


def found(verified: Verified) -> list[str]:
    return [str(finding) for finding in verified.findings]


class TestGoodBundles:
    def test_nothing_is_found(self, opened: Opened) -> None:
        assert found(opened.verified()) == []

    def test_two_packings_give_the_same_bytes(self, home: ChallengeHome) -> None:
        first = home.bundle().read_bytes()

        assert home.bundle().read_bytes() == first

    def test_it_holds_what_it_should(self, opened: Opened) -> None:
        there = set(file_entries(opened.root))

        for name in ("challenge.json", "lock.json", "machine.json", "system.json", "run.json", "records/first.json"):
            assert name in there
        for name in ("measurement.json", "performance-session.json", "accuracy-session.json", "accuracy/accuracy.txt"):
            assert f"{MODEL}/{name}" in there
        assert f"{MODEL}/performance/run_1/mlperf_log_detail.txt" in there
        assert {"report.json", "report.md", "report.html"} <= there

    def test_accuracy_logs_are_truncated_and_the_whole_one_stays(self, home: ChallengeHome, tmp_path: Path) -> None:
        bundle = home.bundle()
        opened = Opened(bundle, tmp_path)
        log = f"{MODEL}/accuracy/mlperf_log_accuracy.json"

        whole = bundle.parent / log
        assert (opened.root / log).stat().st_size == 8199
        assert whole.stat().st_size > 10_240
        assert (
            f"hash={hashlib.sha256(whole.read_bytes()).hexdigest()}"
            in (opened.root / log).with_name("accuracy.txt").read_text()
        )

    def test_it_names_no_place_and_nobody(self, home: ChallengeHome, tmp_path: Path) -> None:
        opened = Opened(home.bundle(), tmp_path)

        for name in file_entries(opened.root):
            text = (opened.root / name).read_text()
            for place in (str(home.home), str(home.root), str(Path.home()), str(tmp_path)):
                assert place not in text, name


def _edit_value(name: str) -> Callable[[Opened], None]:
    def edit(opened: Opened) -> None:
        def change(document: dict[str, Any]) -> None:
            document["values"][name]["value"] = 99.5

        opened.change(f"{MODEL}/measurement.json", change)

    return edit


def _in(name: str, change: Callable[[Any], Any]) -> Callable[[Opened], None]:
    return lambda opened: opened.change(name, change)


def _text(name: str, old: str, new: str) -> Callable[[Opened], None]:
    def edit(opened: Opened) -> None:
        path = opened.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def _gone(name: str) -> Callable[[Opened], None]:
    return lambda opened: (opened.root / name).unlink()


def _added(name: str) -> Callable[[Opened], None]:
    def edit(opened: Opened) -> None:
        (opened.root / name).parent.mkdir(parents=True, exist_ok=True)
        (opened.root / name).write_text("{}")

    return edit


def _session(change: Callable[[dict[str, Any]], Any]) -> Callable[[Opened], None]:
    return _in(f"{MODEL}/performance-session.json", change)


def _second_accuracy(opened: Opened) -> None:
    path = opened.root / MODEL / "accuracy" / "accuracy.txt"
    path.write_text(path.read_text().replace("90.18", "95.18"))


def _other_settings(opened: Opened) -> None:
    opened.change(f"{MODEL}/performance-session.json", lambda each: each["job"].update(user_conf="as it was"))
    (opened.root / MODEL / "user.conf").write_text("another")


DETAIL = f"{MODEL}/performance/run_1/mlperf_log_detail.txt"
SUMMARY = f"{MODEL}/performance/run_1/mlperf_log_summary.txt"
# What is edited, and the file that must be named once its hash has been written anew.
EDITS: dict[str, tuple[Callable[[Opened], None], str]] = {
    "a result's value": (_edit_value("samples_per_second"), f"{MODEL}/measurement.json"),
    "an accuracy": (_edit_value("f1_percent"), f"{MODEL}/measurement.json"),
    "a validity": (
        _in(f"{MODEL}/measurement.json", lambda each: each.update(validity="INVALID")),
        f"{MODEL}/measurement.json",
    ),
    "the sample's mark": (
        _in(f"{MODEL}/measurement.json", lambda each: each.update(sample=False)),
        f"{MODEL}/measurement.json",
    ),
    "what is unofficial": (
        _in(f"{MODEL}/measurement.json", lambda each: each.update(unofficial_because=[])),
        f"{MODEL}/measurement.json",
    ),
    "an engine's version": (
        _in(f"{MODEL}/measurement.json", lambda each: each["engine"]["version"].update(value="1.9.0")),
        f"{MODEL}/measurement.json",
    ),
    "a value that no log gives": (
        _in(
            f"{MODEL}/measurement.json",
            lambda each: each["values"].update(luck={"value": 7, "origin": "measured", "source": "x", "reason": None}),
        ),
        f"{MODEL}/measurement.json",
    ),
    "a value taken away": (
        _in(f"{MODEL}/measurement.json", lambda each: each["values"].pop("peak_memory_bytes") and None),
        f"{MODEL}/measurement.json",
    ),
    "a measurement that is none": (_text(f"{MODEL}/measurement.json", "{", "["), f"{MODEL}/measurement.json"),
    "LoadGen's detail log": (_text(DETAIL, "109.5", "209.5"), f"{MODEL}/measurement.json"),
    "LoadGen's summary": (_text(SUMMARY, "VALID", "valid"), f"{MODEL}/measurement.json"),
    "accuracy.txt": (_second_accuracy, f"{MODEL}/measurement.json"),
    "an accuracy log": (
        _text(f"{MODEL}/accuracy/mlperf_log_accuracy.json", "\n\n...\n\n", "\n"),
        f"{MODEL}/accuracy/mlperf_log_accuracy.json",
    ),
    "a session's model": (
        _session(lambda each: each["model"].update(sha256="cd" * 32)),
        f"{MODEL}/measurement.json",
    ),
    "a session's status": (_session(lambda each: each.update(status="failed")), f"{MODEL}/measurement.json"),
    "a session's logs": (
        _session(lambda each: each["logs"].update({"../../x": {"sha256": "ab" * 32, "bytes": 1}})),
        f"{MODEL}/measurement.json",
    ),
    "a session that is none": (_text(f"{MODEL}/accuracy-session.json", "{", "["), f"{MODEL}/measurement.json"),
    "a user.conf": (_other_settings, f"{MODEL}/user.conf"),
    "an mlperf.conf": (_added(f"{MODEL}/mlperf.conf"), f"{MODEL}/mlperf.conf"),
    "a missing log": (_gone(DETAIL), f"{MODEL}/measurement.json"),
    "a missing session": (_gone(f"{MODEL}/performance-session.json"), f"{MODEL}/measurement.json"),
    "a missing measurement": (_gone(f"{MODEL}/measurement.json"), f"{MODEL}/measurement.json"),
    "a missing record": (_gone("run.json"), "run.json"),
    "the challenge's rules": (_in("challenge.json", lambda each: each.update(alias="other")), "challenge.json"),
    "a challenge that is none": (_in("challenge.json", lambda each: each.update(points="x")), "challenge.json"),
    "the lock": (_in("lock.json", lambda each: each["scripts"].update(first="ab" * 32)), "run.json"),
    "a lock that is none": (_in("lock.json", lambda _each: []), "lock.json"),
    "the machine": (_in("machine.json", lambda each: each.update(cpu_model="Fast 9000")), "report.json"),
    "the report's results": (
        _in("report.json", lambda each: each["results"][0]["metrics"][0].update(value=1e6)),
        "report.json",
    ),
    "whether it counts": (_in("report.json", lambda each: each.update(counts=True)), "report.json"),
    "the report's text": (_text("report.md", "SAMPLE", "OFFICIAL"), "report.md"),
    "the report's page": (_text("report.html", "SAMPLE", "OFFICIAL"), "report.html"),
    "a record of something else": (
        _in("records/first.json", lambda each: each["request"].update(tags="run,other")),
        "records/first.json",
    ),
    "a record of no workflow": (_added("records/third.json"), "records/third.json"),
    "a result that run.json does not name": (
        lambda opened: shutil.copytree(opened.root / MODEL, opened.root / MODEL.replace("first", "third")) and None,
        f"{MODEL.replace('first', 'third')}/measurement.json",
    ),
    "the run's mode": (_in("run.json", lambda each: each["asked"].update(sample=False)), "run.json"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_is_named(opened: Opened, name: str) -> None:
    edit, _ = EDITS[name]
    before = file_entries(opened.root)
    edit(opened)
    after = file_entries(opened.root)

    said = found(opened.verified())

    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    for path in changed:
        assert any(line.startswith(f"{path}: ") for line in said), said


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_is_named_although_its_hash_was_written_anew(opened: Opened, name: str) -> None:
    edit, named = EDITS[name]
    edit(opened)
    opened.rehash()

    said = found(opened.verified())

    assert any(line.startswith(f"{named}: ") for line in said), said


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(sample=False),
        lambda manifest: manifest.update(made_utc="2023-08-01T00:00:00+00:00"),
        lambda manifest: manifest["files"].pop("run.json") and None,
        lambda manifest: manifest["files"].update(ghost={"sha256": "ab" * 32, "bytes": 1}),
        lambda manifest: manifest["files"]["lock.json"].update(bytes=1),
    ],
    ids=["sample", "made_utc", "not listed", "listed only", "size"],
)
def test_an_edited_manifest_is_found(opened: Opened, change: Callable[[Any], Any]) -> None:
    opened.change(MANIFEST, change)

    assert found(opened.verified())


@pytest.mark.parametrize(
    "change",
    [
        lambda _manifest: [],
        lambda manifest: manifest.update(schema="other"),
        lambda manifest: manifest.update(files=[]),
        lambda manifest: manifest.update(extra=1),
        lambda manifest: manifest.update(challenge="other"),
    ],
    ids=["list", "schema", "files", "extra", "challenge"],
)
def test_a_manifest_that_is_none_is_an_error(opened: Opened, change: Callable[[Any], Any]) -> None:
    opened.change(MANIFEST, change)

    with pytest.raises(BundleError, match=r"bundle\.json"):
        opened.verified()


class TestArchives:
    @staticmethod
    def repacked(opened: Opened, change: Callable[[tarfile.TarFile], None], tail: bytes = b"") -> Path:
        target = opened.folder / "hostile.tar.gz"
        pack(opened.root, target)
        stream = io.BytesIO()
        with tarfile.open(target) as old, tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as new:
            for member in old:
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
            change(new)
        target.write_bytes(gzip.compress(stream.getvalue() + tail))
        return target

    @pytest.mark.parametrize(
        ("name", "kind", "link"),
        [
            ("../outside", tarfile.REGTYPE, ""),
            ("/outside", tarfile.REGTYPE, ""),
            (f"{NAME}/link", tarfile.SYMTYPE, "/etc/passwd"),
            (f"{NAME}/link", tarfile.SYMTYPE, "../../outside"),
            (f"{NAME}/hard", tarfile.LNKTYPE, "../outside"),
            (f"{NAME}/device", tarfile.CHRTYPE, ""),
            (f"{NAME}/run.json", tarfile.REGTYPE, ""),
            ("other/file", tarfile.REGTYPE, ""),
        ],
        ids=["climbs", "absolute", "link", "climbing link", "hard link", "device", "twice", "two folders"],
    )
    def test_a_member_that_is_not_safe_stops_it(
        self, opened: Opened, tmp_path: Path, name: str, kind: bytes, link: str
    ) -> None:
        def change(archive: tarfile.TarFile) -> None:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, link, 0o644
            archive.addfile(member)

        bundle = self.repacked(opened, change)

        with pytest.raises(BundleError):
            verify(bundle, tmp_path / "unpacked")
        assert not (tmp_path / "outside").exists()

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
    def test_a_link_within_is_named(self, opened: Opened, tmp_path: Path, kind: bytes) -> None:
        def change(archive: tarfile.TarFile) -> None:
            member = tarfile.TarInfo(f"{NAME}/link")
            member.type, member.linkname = kind, "run.json" if kind == tarfile.SYMTYPE else f"{NAME}/run.json"
            archive.addfile(member)

        said = found(verify(self.repacked(opened, change), tmp_path / "unpacked"))

        assert any(line.startswith("link: is a link") for line in said)

    def test_a_bomb_is_stopped(self, tmp_path: Path) -> None:
        bomb = tmp_path / "bomb.tar.gz"
        with tarfile.open(bomb, "w:gz") as archive:
            member = tarfile.TarInfo(f"{NAME}/{MANIFEST}")
            member.size = 96 << 20
            with Path(os.devnull).open("rb"):
                archive.addfile(member, io.BytesIO(bytes(member.size)))

        with pytest.raises(BundleError, match="unpacks to more than"):
            verify(bomb, tmp_path / "unpacked")

    def test_bytes_behind_the_last_file_are_named(self, opened: Opened, tmp_path: Path) -> None:
        bundle = self.repacked(opened, lambda _archive: None, b"hidden" + bytes(506))

        assert any("after its last file" in line for line in found(verify(bundle, tmp_path / "unpacked")))

    def test_owners_and_times_are_named(self, opened: Opened, tmp_path: Path) -> None:
        def change(archive: tarfile.TarFile) -> None:
            member = tarfile.TarInfo(f"{NAME}/records/second.txt")
            member.uname, member.mtime = "somebody", 1_700_000_000
            archive.addfile(member)

        said = found(verify(self.repacked(opened, change), tmp_path / "unpacked"))

        assert any("an owner or a time" in line for line in said)

    @pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b"], ids=["empty", "text", "cut"])
    def test_what_is_no_archive_is_said(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "b.tar.gz").write_bytes(content)

        with pytest.raises(BundleError, match=r"b\.tar\.gz"):
            verify(tmp_path / "b.tar.gz", tmp_path / "unpacked")


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

    def test_a_signed_bundle_is_known_by_its_signer(
        self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path
    ) -> None:
        opened = Opened(home.bundle(sign_key=str(keys["own"])), tmp_path)

        verified = opened.verified(allowed_signers=self.signers(keys, "own"))

        assert found(verified) == []
        assert verified.signature is not None
        assert verified.signature.signer == "ada@example.org"

    def test_without_a_list_the_key_is_named(self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path) -> None:
        verified = Opened(home.bundle(sign_key=str(keys["own"])), tmp_path).verified()

        assert found(verified) == []
        assert verified.signature is not None
        assert verified.signature.key.startswith("SHA256:")
        assert "whose that is" in str(verified.signature)

    def test_hashes_written_anew_break_the_signature(
        self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path
    ) -> None:
        opened = Opened(home.bundle(sign_key=str(keys["own"])), tmp_path)
        opened.change("system.json", lambda each: each.update(hw_notes="overclocked"))
        opened.rehash()

        assert any(line.startswith(SIGNATURE) for line in found(opened.verified()))

    def test_another_key_is_not_on_the_list(self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path) -> None:
        opened = Opened(home.bundle(sign_key=str(keys["other"])), tmp_path)

        said = found(opened.verified(allowed_signers=self.signers(keys, "own")))

        assert any("not on the list" in line for line in said)

    def test_a_signature_for_another_purpose_is_not_taken(self, opened: Opened, keys: dict[str, Path]) -> None:
        manifest = opened.root / MANIFEST
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", keys["own"], manifest], check=True)

        assert any(line.startswith(SIGNATURE) for line in found(opened.verified()))

    def test_a_bundle_without_one_is_wrong_where_a_list_is_given(self, opened: Opened, keys: dict[str, Path]) -> None:
        said = found(opened.verified(allowed_signers=self.signers(keys, "own")))

        assert said == [f"{SIGNATURE}: is missing: the bundle is not signed"]

    def test_a_list_that_is_not_there_is_no_fault_of_the_bundle(self, opened: Opened, tmp_path: Path) -> None:
        with pytest.raises(SignatureError, match=r"allowed_signers=.*there is no such file; give a list"):
            opened.verified(allowed_signers=tmp_path / "nobody")

    def test_a_damaged_signature_is_named(self, home: ChallengeHome, keys: dict[str, Path], tmp_path: Path) -> None:
        opened = Opened(home.bundle(sign_key=str(keys["own"])), tmp_path)
        (opened.root / SIGNATURE).write_text("nonsense")

        assert any(line.startswith(SIGNATURE) for line in found(opened.verified()))

    def test_a_key_with_a_passphrase_asks_nobody(self, tmp_path: Path) -> None:
        key, file = tmp_path / "locked", tmp_path / "file"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
        file.write_text("x")

        with pytest.raises(SignatureError, match="without a passphrase"):
            sign(file, key)
        assert not (tmp_path / "file.sig").exists()


class TestRedaction:
    REDACTION = Redaction({"<home>": Path("/srv/cm/home"), "<user>": Path("/home/ada")}, ["ada", "laptop"])

    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("/srv/cm/home/cache/x", "<home>/cache/x"),
            ("--model=/home/ada/m.onnx", "--model=<user>/m.onnx"),
            ("/home/adam/m.onnx", "<elsewhere>/m.onnx"),
            ("at /data/of/bob/imagenet, here", "at <elsewhere>/imagenet, here"),
            ("/usr/bin/python3", "/usr/bin/python3"),
            ("https://host/a/b/c.tgz", "https://host/a/b/c.tgz"),
            ("samples/second and/or 3/4/5", "samples/second and/or 3/4/5"),
            ("laptop", "<name>"),
            ("a laptop's result", "a laptop's result"),
        ],
    )
    def test_a_text(self, text: str, plain: str) -> None:
        assert self.REDACTION.text(text) == plain

    def test_keys_and_lists_too(self) -> None:
        value = {"/home/ada/x": [1, None, True, {"y": "/home/ada"}]}

        assert self.REDACTION.value(value) == {"<user>/x": [1, None, True, {"y": "<user>"}]}


def test_sample_data_in_an_official_run_is_told_and_is_no_edit(home: ChallengeHome, tmp_path: Path) -> None:
    real = home.run_script

    def on_samples(command: dict[str, Any]) -> dict[str, Any]:
        told = real(command)
        shutil.rmtree(command["results_dir"])
        ours(Path(command["results_dir"]), sample=True)
        return told

    home.patch.setattr("mlperf_home.challenges.front.run_script", on_samples)
    told = home("run")

    assert verify(Path(told["bundle"]), tmp_path / "unpacked").findings == ()
    report = Path(told["report"])
    assert "SAMPLE" in report.read_text()
    why = json.loads(report.with_suffix(".json").read_text())["counts_not_because"]
    assert any("made with sample data" in each for each in why)
