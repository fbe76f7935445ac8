"""Bundles are reproducible and anonymous; verification names every edit."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from submission_results import ours
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.bundles.bundle import MANIFEST, file_entries
from mlperf_home.challenges.bundles.redaction import Redaction
from mlperf_home.challenges.verification.verification import BundleError, verify
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from challenge_homes import ChallengeHome

RESULT = "results/first/valid_results/box-reference-cpu-deepsparse-v1.8.0-default_config"
MODEL = f"{RESULT}/obert-large-pruned95_quant-none-bert-99/offline"


class TestGoodBundles:
    def test_it_has_no_problems(self, unpacked: UnpackedBundle) -> None:
        assert problems_of(unpacked.verified()) == []

    def test_packing_twice_yields_the_same_bytes(self, home: ChallengeHome) -> None:
        first = home.bundle().read_bytes()

        assert home.bundle().read_bytes() == first

    def test_it_holds_documents_results_and_report(self, unpacked: UnpackedBundle) -> None:
        files = set(file_entries(unpacked.root))

        for name in ("challenge.json", "lock.json", "machine.json", "system.json", "run.json", "records/first.json"):
            assert name in files
        for name in ("measurement.json", "performance-session.json", "accuracy-session.json", "accuracy/accuracy.txt"):
            assert f"{MODEL}/{name}" in files
        assert f"{MODEL}/performance/run_1/mlperf_log_detail.txt" in files
        assert {"report.json", "report.md", "report.html"} <= files

    def test_its_accuracy_logs_are_truncated_copies(self, home: ChallengeHome, tmp_path: Path) -> None:
        bundle = home.bundle()
        unpacked = UnpackedBundle(bundle, tmp_path)
        log = f"{MODEL}/accuracy/mlperf_log_accuracy.json"

        whole = bundle.parent / log
        assert (unpacked.root / log).stat().st_size == 8199
        assert whole.stat().st_size > 10_240
        assert (
            f"hash={hashlib.sha256(whole.read_bytes()).hexdigest()}"
            in (unpacked.root / log).with_name("accuracy.txt").read_text()
        )

    def test_it_names_no_folders_and_persons(self, home: ChallengeHome, tmp_path: Path) -> None:
        unpacked = UnpackedBundle(home.bundle(), tmp_path)

        for name in file_entries(unpacked.root):
            text = (unpacked.root / name).read_text()
            for place in (str(home.home), str(home.root), str(Path.home()), str(tmp_path)):
                assert place not in text, name


def _edit_value(name: str) -> Callable[[UnpackedBundle], None]:
    def edit(unpacked: UnpackedBundle) -> None:
        def change(document: dict[str, Any]) -> None:
            document["values"][name]["value"] = 99.5

        unpacked.change(f"{MODEL}/measurement.json", change)

    return edit


def _change_in(name: str, change: Callable[[Any], Any]) -> Callable[[UnpackedBundle], None]:
    return lambda unpacked: unpacked.change(name, change)


def _replace_in(name: str, old: str, new: str) -> Callable[[UnpackedBundle], None]:
    def edit(unpacked: UnpackedBundle) -> None:
        path = unpacked.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def _removed(name: str) -> Callable[[UnpackedBundle], None]:
    return lambda unpacked: (unpacked.root / name).unlink()


def _added(name: str) -> Callable[[UnpackedBundle], None]:
    def edit(unpacked: UnpackedBundle) -> None:
        (unpacked.root / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked.root / name).write_text("{}")

    return edit


def _session(change: Callable[[dict[str, Any]], Any]) -> Callable[[UnpackedBundle], None]:
    return _change_in(f"{MODEL}/performance-session.json", change)


def _other_accuracy(unpacked: UnpackedBundle) -> None:
    path = unpacked.root / MODEL / "accuracy" / "accuracy.txt"
    path.write_text(path.read_text().replace("90.18", "95.18"))


def _other_settings(unpacked: UnpackedBundle) -> None:
    unpacked.change(f"{MODEL}/performance-session.json", lambda each: each["job"].update(user_conf="as it was"))
    (unpacked.root / MODEL / "user.conf").write_text("another")


DETAIL = f"{MODEL}/performance/run_1/mlperf_log_detail.txt"
SUMMARY = f"{MODEL}/performance/run_1/mlperf_log_summary.txt"


# Edits, each with the file that verification must name after its hash was rewritten.
def _kept_times(change: Callable[[Any], Any]) -> Callable[[UnpackedBundle], None]:
    """Change kept times, and their hash and size in the session."""

    def edit(unpacked: UnpackedBundle) -> None:
        path = unpacked.root / MODEL / "performance" / "run_1" / "latencies.json"
        unpacked.change(f"{MODEL}/performance/run_1/latencies.json", change)
        entry = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        unpacked.change(f"{MODEL}/performance-session.json", lambda each: each["logs"].update({path.name: entry}))

    return edit


EDITS: dict[str, tuple[Callable[[UnpackedBundle], None], str]] = {
    "a block of the kept times": (
        _kept_times(lambda each: each["blocks"][3].__setitem__(0, 9)),
        f"{MODEL}/performance-session.json",
    ),
    "the duration of the kept times": (
        _kept_times(lambda each: each.update(duration_s=700.0, block_s=700 / 64)),
        f"{MODEL}/performance-session.json",
    ),
    "a result's value": (_edit_value("samples_per_second"), f"{MODEL}/measurement.json"),
    "an accuracy": (_edit_value("f1_percent"), f"{MODEL}/measurement.json"),
    "a validity": (
        _change_in(f"{MODEL}/measurement.json", lambda each: each.update(validity="INVALID")),
        f"{MODEL}/measurement.json",
    ),
    "the sample's mark": (
        _change_in(f"{MODEL}/measurement.json", lambda each: each.update(sample=False)),
        f"{MODEL}/measurement.json",
    ),
    "the reasons against official": (
        _change_in(f"{MODEL}/measurement.json", lambda each: each.update(unofficial_because=[])),
        f"{MODEL}/measurement.json",
    ),
    "an engine's version": (
        _change_in(f"{MODEL}/measurement.json", lambda each: each["engine"]["version"].update(value="1.9.0")),
        f"{MODEL}/measurement.json",
    ),
    "an added value": (
        _change_in(
            f"{MODEL}/measurement.json",
            lambda each: each["values"].update(luck={"value": 7, "origin": "measured", "source": "x", "reason": None}),
        ),
        f"{MODEL}/measurement.json",
    ),
    "a removed value": (
        _change_in(f"{MODEL}/measurement.json", lambda each: each["values"].pop("peak_memory_bytes") and None),
        f"{MODEL}/measurement.json",
    ),
    "a malformed measurement": (_replace_in(f"{MODEL}/measurement.json", "{", "["), f"{MODEL}/measurement.json"),
    "LoadGen's detail log": (_replace_in(DETAIL, "109.5", "209.5"), f"{MODEL}/measurement.json"),
    "LoadGen's summary": (_replace_in(SUMMARY, "VALID", "valid"), f"{MODEL}/measurement.json"),
    "accuracy.txt": (_other_accuracy, f"{MODEL}/measurement.json"),
    "an accuracy log": (
        _replace_in(f"{MODEL}/accuracy/mlperf_log_accuracy.json", "\n\n...\n\n", "\n"),
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
    "a malformed session": (_replace_in(f"{MODEL}/accuracy-session.json", "{", "["), f"{MODEL}/measurement.json"),
    "a user.conf": (_other_settings, f"{MODEL}/user.conf"),
    "an mlperf.conf": (_added(f"{MODEL}/mlperf.conf"), f"{MODEL}/mlperf.conf"),
    "a missing log": (_removed(DETAIL), f"{MODEL}/measurement.json"),
    "a missing session": (_removed(f"{MODEL}/performance-session.json"), f"{MODEL}/measurement.json"),
    "a missing measurement": (_removed(f"{MODEL}/measurement.json"), f"{MODEL}/measurement.json"),
    "a missing record": (_removed("run.json"), "run.json"),
    "the challenge's rules": (_change_in("challenge.json", lambda each: each.update(alias="other")), "challenge.json"),
    "a malformed challenge": (_change_in("challenge.json", lambda each: each.update(points="x")), "challenge.json"),
    "the lock": (_change_in("lock.json", lambda each: each["scripts"].update(first="ab" * 32)), "run.json"),
    "a malformed lock": (_change_in("lock.json", lambda _each: []), "lock.json"),
    "the machine": (_change_in("machine.json", lambda each: each.update(cpu_model="Fast 9000")), "report.json"),
    "the report's results": (
        _change_in("report.json", lambda each: each["results"][0]["metrics"][0].update(value=1e6)),
        "report.json",
    ),
    "whether it counts": (_change_in("report.json", lambda each: each.update(counts=True)), "report.json"),
    "the report's text": (_replace_in("report.md", "SAMPLE", "OFFICIAL"), "report.md"),
    "the report's page": (_replace_in("report.html", "SAMPLE", "OFFICIAL"), "report.html"),
    "a record of something else": (
        _change_in("records/first.json", lambda each: each["request"].update(tags="run,other")),
        "records/first.json",
    ),
    "a record of no workflow": (_added("records/third.json"), "records/third.json"),
    "a result that run.json does not name": (
        lambda unpacked: (
            shutil.copytree(unpacked.root / MODEL, unpacked.root / MODEL.replace("first", "third")) and None
        ),
        f"{MODEL.replace('first', 'third')}/measurement.json",
    ),
    "the run's mode": (_change_in("run.json", lambda each: each["asked"].update(sample=False)), "run.json"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_named(unpacked: UnpackedBundle, name: str) -> None:
    edit, _ = EDITS[name]
    before = file_entries(unpacked.root)
    edit(unpacked)
    after = file_entries(unpacked.root)

    problems = problems_of(unpacked.verified())

    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    for path in changed:
        assert any(line.startswith(f"{path}: ") for line in problems), problems


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_with_rewritten_hashes_is_named(unpacked: UnpackedBundle, name: str) -> None:
    edit, file = EDITS[name]
    edit(unpacked)
    unpacked.rehash()

    problems = problems_of(unpacked.verified())

    assert any(line.startswith(f"{file}: ") for line in problems), problems


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
def test_an_edited_manifest_is_a_problem(unpacked: UnpackedBundle, change: Callable[[Any], Any]) -> None:
    unpacked.change(MANIFEST, change)

    assert problems_of(unpacked.verified())


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
def test_a_malformed_manifest_is_an_error(unpacked: UnpackedBundle, change: Callable[[Any], Any]) -> None:
    unpacked.change(MANIFEST, change)

    with pytest.raises(BundleError, match=r"bundle\.json"):
        unpacked.verified()


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
    def test_texts_are_redacted(self, text: str, plain: str) -> None:
        assert self.REDACTION.text(text) == plain

    def test_keys_and_lists_are_redacted(self) -> None:
        value = {"/home/ada/x": [1, None, True, {"y": "/home/ada"}]}

        assert self.REDACTION.value(value) == {"<user>/x": [1, None, True, {"y": "<user>"}]}


def test_sample_data_in_an_official_run_is_reported(home: ChallengeHome, tmp_path: Path) -> None:
    real = home.run_script

    def on_samples(command: dict[str, Any]) -> dict[str, Any]:
        answer = real(command)
        shutil.rmtree(command["results_dir"])
        ours(Path(command["results_dir"]), sample=True)
        return answer

    home.patch.setattr(ENGINE, "run_script", on_samples)
    answer = home("run")

    assert verify(Path(answer["bundle"]), tmp_path / "unpacked").problems == ()
    report = Path(answer["report"])
    assert "SAMPLE" in report.read_text()
    reasons = json.loads(report.with_suffix(".json").read_text())["counts_not_because"]
    assert any("made with sample data" in reason for reason in reasons)
