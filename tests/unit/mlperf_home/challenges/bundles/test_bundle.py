"""A bundle is the same for the same run, names nobody, and whatever is edited in it is found and named."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from submission_results import ours
from unpacked_bundles import UnpackedBundle, found

from mlperf_home.challenges.bundles.bundle import MANIFEST, file_entries
from mlperf_home.challenges.bundles.redaction import Redaction
from mlperf_home.challenges.bundles.rendering import Part, render_report
from mlperf_home.challenges.bundles.verification import BundleError, verify
from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from challenge_homes import ChallengeHome

RESULT = "results/first/valid_results/box-reference-cpu-deepsparse-v1.8.0-default_config"
MODEL = f"{RESULT}/obert-large-pruned95_quant-none-bert-99/offline"


class TestGoodBundles:
    def test_nothing_is_found(self, unpacked: UnpackedBundle) -> None:
        assert found(unpacked.verified()) == []

    def test_two_packings_give_the_same_bytes(self, home: ChallengeHome) -> None:
        first = home.bundle().read_bytes()

        assert home.bundle().read_bytes() == first

    def test_it_holds_what_it_should(self, unpacked: UnpackedBundle) -> None:
        there = set(file_entries(unpacked.root))

        for name in ("challenge.json", "lock.json", "machine.json", "system.json", "run.json", "records/first.json"):
            assert name in there
        for name in ("measurement.json", "performance-session.json", "accuracy-session.json", "accuracy/accuracy.txt"):
            assert f"{MODEL}/{name}" in there
        assert f"{MODEL}/performance/run_1/mlperf_log_detail.txt" in there
        assert {"report.json", "report.md", "report.html"} <= there

    def test_accuracy_logs_are_truncated_and_the_whole_one_stays(self, home: ChallengeHome, tmp_path: Path) -> None:
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

    def test_it_names_no_place_and_nobody(self, home: ChallengeHome, tmp_path: Path) -> None:
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


def _in(name: str, change: Callable[[Any], Any]) -> Callable[[UnpackedBundle], None]:
    return lambda unpacked: unpacked.change(name, change)


def _text(name: str, old: str, new: str) -> Callable[[UnpackedBundle], None]:
    def edit(unpacked: UnpackedBundle) -> None:
        path = unpacked.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def _gone(name: str) -> Callable[[UnpackedBundle], None]:
    return lambda unpacked: (unpacked.root / name).unlink()


def _added(name: str) -> Callable[[UnpackedBundle], None]:
    def edit(unpacked: UnpackedBundle) -> None:
        (unpacked.root / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked.root / name).write_text("{}")

    return edit


def _session(change: Callable[[dict[str, Any]], Any]) -> Callable[[UnpackedBundle], None]:
    return _in(f"{MODEL}/performance-session.json", change)


def _second_accuracy(unpacked: UnpackedBundle) -> None:
    path = unpacked.root / MODEL / "accuracy" / "accuracy.txt"
    path.write_text(path.read_text().replace("90.18", "95.18"))


def _other_settings(unpacked: UnpackedBundle) -> None:
    unpacked.change(f"{MODEL}/performance-session.json", lambda each: each["job"].update(user_conf="as it was"))
    (unpacked.root / MODEL / "user.conf").write_text("another")


DETAIL = f"{MODEL}/performance/run_1/mlperf_log_detail.txt"
SUMMARY = f"{MODEL}/performance/run_1/mlperf_log_summary.txt"
# What is edited, and the file that must be named once its hash has been written anew.
EDITS: dict[str, tuple[Callable[[UnpackedBundle], None], str]] = {
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
        lambda unpacked: (
            shutil.copytree(unpacked.root / MODEL, unpacked.root / MODEL.replace("first", "third")) and None
        ),
        f"{MODEL.replace('first', 'third')}/measurement.json",
    ),
    "the run's mode": (_in("run.json", lambda each: each["asked"].update(sample=False)), "run.json"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_is_named(unpacked: UnpackedBundle, name: str) -> None:
    edit, _ = EDITS[name]
    before = file_entries(unpacked.root)
    edit(unpacked)
    after = file_entries(unpacked.root)

    said = found(unpacked.verified())

    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    for path in changed:
        assert any(line.startswith(f"{path}: ") for line in said), said


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_is_named_although_its_hash_was_written_anew(unpacked: UnpackedBundle, name: str) -> None:
    edit, named = EDITS[name]
    edit(unpacked)
    unpacked.rehash()

    said = found(unpacked.verified())

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
def test_an_edited_manifest_is_found(unpacked: UnpackedBundle, change: Callable[[Any], Any]) -> None:
    unpacked.change(MANIFEST, change)

    assert found(unpacked.verified())


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
def test_a_manifest_that_is_none_is_an_error(unpacked: UnpackedBundle, change: Callable[[Any], Any]) -> None:
    unpacked.change(MANIFEST, change)

    with pytest.raises(BundleError, match=r"bundle\.json"):
        unpacked.verified()


def test_a_report_is_written_with_the_bytes_of_version_0_1() -> None:
    hostile = """</b> "x" 'y' & | *z*"""

    texts = render_report({}, hostile, [Part("Part", [hostile], ("name", ""), [(hostile, "")]), Part("None")])

    escaped = "&lt;/b&gt; &quot;x&quot; &#x27;y&#x27; &amp; | *z*"
    head, _, body = texts["html"].partition("<body>")
    assert f"<title>{escaped}</title><style>" in head
    assert body == (
        f"<h1>{escaped}</h1>\n"
        f'<h2>Part</h2><p class="notice">{escaped}</p>\n'
        f"<table><tr><th>name</th><th></th></tr>\n<tr><td>{escaped}</td><td></td></tr></table>\n"
        "<h2>None</h2>\n</body></html>\n"
    )
    marked = """&lt;/b&gt; "x" 'y' & \\| \\*z\\*"""
    assert texts["md"] == (
        f"# {marked}\n\n## Part\n\n**{marked}**\n\n| name |  |\n|---|---|\n| {marked} |  |\n\n## None\n"
    )


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

    home.patch.setattr(ENGINE, "run_script", on_samples)
    told = home("run")

    assert verify(Path(told["bundle"]), tmp_path / "unpacked").problems == ()
    report = Path(told["report"])
    assert "SAMPLE" in report.read_text()
    why = json.loads(report.with_suffix(".json").read_text())["counts_not_because"]
    assert any("made with sample data" in each for each in why)
