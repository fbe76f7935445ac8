"""The 81 models: their manifests, and their downloads from a local server in place of their hosts."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faulty_server import FaultyServer, status, whole

from mlperf_home.testing.tiny_classifier import TinyClassifier, write
from scriptgraph.catalog.registry import load_registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cm_command import Cm

    from scriptgraph.manifest.types import Manifest

ROOT = Path(__file__).parents[2]
REAL = ROOT / "../shared/data/tflite"
SOURCES = ROOT / "../shared/spec/sources.json"
# This host serves another file than the measured one, so it is no source.
OTHER_FILE = "http://download.tensorflow.org/models/tflite_11_05_08/mobilenet_v2_1.0_224_quant.tgz"
STORAGE = "storage.googleapis.com"
V2 = "get,ml-model,mobilenet,raw,_v2,_multiplier-0.35,_resolution-128"


def manifest(alias: str) -> Manifest:
    """Read a script's manifest as the engine does, with its `for_each` rows expanded."""
    return next(each for each in load_registry([ROOT]) if each.alias == alias)


def combined(alias: str) -> dict[str, Mapping[str, Any]]:
    return {name: each.env for name, each in manifest(alias).variations.items() if "," in name}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def mirrored(cm: Cm, server: FaultyServer, *hosts: str) -> str:
    """Redirect hosts to the server, and all others nowhere; return the option for it."""
    path = cm.home / "mirrors.json"
    nowhere = server.url("/nowhere/")
    path.write_text(json.dumps({"https://": nowhere, **{f"https://{host}/": server.url("/") for host in hosts}}))
    return f"--mirrors={path}"


def archive(member: str, content: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as packed:
        entry = tarfile.TarInfo(member)
        entry.size = len(content)
        packed.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def tiny(tmp_path: Path, side: int) -> bytes:
    return write(tmp_path / "tiny.tflite", TinyClassifier("uint8", side=side, classes=2)).read_bytes()


def test_there_are_81_different_files() -> None:
    models = [*combined("get-ml-model-mobilenet").values(), *combined("get-ml-model-efficientnet-lite").values()]

    assert len(models) == 81
    assert len({each["CM_ML_MODEL_VARIATION_NAME"] for each in models}) == 81
    assert len({(each["CM_DOWNLOAD_URL"][0], each["CM_EXTRACT_MEMBER"]) for each in models}) == 81
    for each in models:
        assert each["CM_EXTRACT_MEMBER"].endswith(".tflite")
        assert all(re.fullmatch(r"https?://\S+gz", url) for url in each["CM_DOWNLOAD_URL"])
        assert ("CM_DOWNLOAD_HASHES" in each) != (each.get("CM_DOWNLOAD_RECORD") is True)
        published = each.get("CM_ML_MODEL_PUBLISHED_TOP1")
        assert (published is None) == ("CM_ML_MODEL_PUBLISHED_TOP1_SOURCE" not in each)
        assert published is None or 35 < published < 85


@pytest.mark.skipif(not SOURCES.is_file(), reason="the list of sources is absent")
def test_the_models_match_the_list_of_sources() -> None:
    listed = {each["id"]: each for each in json.loads(SOURCES.read_text()) if each["group"].startswith("tflite-")}
    both = (*combined("get-ml-model-mobilenet").values(), *combined("get-ml-model-efficientnet-lite").values())
    ours = {each["CM_ML_MODEL_VARIATION_NAME"]: each for each in both}

    assert ours.keys() == listed.keys()
    for name, model in ours.items():
        source = listed[name]
        hashes = {f"{each['algo']}:{each['value']}" for each in source["checksums"]}
        published = source["accuracy"]["published_top1"].values()
        assert list(model["CM_DOWNLOAD_URL"]) == [each["url"] for each in source["urls"] if each["url"] != OTHER_FILE]
        assert set(model.get("CM_DOWNLOAD_HASHES", [])) <= hashes
        assert bool(model.get("CM_DOWNLOAD_HASHES")) == bool(hashes)
        assert model["CM_EXTRACT_MEMBER"] in source["layout"]
        assert model["CM_ML_MODEL_MEASURED_TOP1"] == source["accuracy"]["measured_cm_v31_top1"]
        assert model["CM_ML_MODEL_PUBLISHED_TOP1"] in published if published else True


def test_the_sweep_names_each_model_once() -> None:
    sweep = manifest("run-mlperf-inference-mobilenet-models").deps
    rows = [each.env for each in sweep if each.for_each and each.enable.get("CM_DATASET_SAMPLE") == ("no",)]

    named = {(each["CM_ML_MODEL_FAMILY"], ",".join(each["CM_ML_MODEL_VARIATION"])) for each in rows}
    assert len(rows) == 81
    assert named == {
        *(("mobilenet", name) for name in combined("get-ml-model-mobilenet")),
        *(("efficientnet", name) for name in combined("get-ml-model-efficientnet-lite")),
    }


def test_a_model_is_extracted_and_described(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    model = tiny(tmp_path, 128)
    server.serve("/mobilenet_v2/checkpoints/quantized_v2_128_35.tgz", whole(archive("v2_128_35/model.tflite", model)))

    ended = cm.script(f"{V2},_uint8", mirrored(cm, server, STORAGE), "--out=json")

    assert ended.code == 0, ended.output
    exports = ended.document["new_env"]
    assert Path(exports["CM_ML_MODEL_FILE_WITH_PATH"]).read_bytes() == model
    assert exports["CM_ML_MODEL_FULL_NAME"] == "mobilenet-v2-precision_uint8-0.35-128"
    assert exports["CM_ML_MODEL_WEIGHT_TYPE"] == "uint8"
    assert exports["CM_DATASET_INPUT_SQUARE_SIDE"] == 128


def test_the_next_source_is_tried_after_a_404(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    env = combined("get-ml-model-mobilenet")["v2,multiplier-0.35,resolution-128,fp32"]
    content = archive(env["CM_EXTRACT_MEMBER"], tiny(tmp_path, 128))
    first, second = (each.split("/", 3) for each in env["CM_DOWNLOAD_URL"])
    server.serve(f"/{first[3]}", status(404))
    server.serve(f"/{second[3]}", whole(content))
    checksum = f"--adr.download-and-extract.checksum=sha256:{hashlib.sha256(content).hexdigest()}"

    ended = cm.script(V2, mirrored(cm, server, first[2], second[2]), checksum)

    assert ended.code == 0, ended.output


def test_a_file_with_another_hash_is_refused(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    env = combined("get-ml-model-mobilenet")["v2,multiplier-1.0,resolution-224,fp32"]
    content = archive(env["CM_EXTRACT_MEMBER"], tiny(tmp_path, 224))
    for url in env["CM_DOWNLOAD_URL"]:
        server.serve("/" + url.split("/", 3)[3], whole(content))
    hosts = {url.split("/", 3)[2] for url in env["CM_DOWNLOAD_URL"]}

    ended = cm.script("get,ml-model,mobilenet,raw,_v2", mirrored(cm, server, *hosts))

    assert ended.code != 0
    assert env["CM_DOWNLOAD_HASHES"][0].partition(":")[2] in ended.output
    assert hashlib.sha256(content).hexdigest() in ended.output
    assert "Traceback" not in ended.output


def test_a_damaged_archive_without_hash_is_fetched_again(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    content = archive("v2_128_35/model.tflite", tiny(tmp_path, 128))
    path = "/mobilenet_v2/checkpoints/quantized_v2_128_35.tgz"
    server.serve(path, whole(content[: len(content) // 2]), whole(content))
    command = (f"{V2},_uint8", mirrored(cm, server, STORAGE))

    first = cm.script(*command)
    again = cm.script(*command)
    kept = cm.script(*command)

    assert first.code != 0
    assert "it has no published hash; repeat the command to fetch it again" in first.output
    assert again.code == 0, again.output
    assert kept.code == 0
    assert len([each for each in server.seen if each.path == path]) == 2


def test_a_model_of_another_input_size_is_refused(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    server.serve(
        "/mobilenet_v2/checkpoints/quantized_v2_128_35.tgz",
        whole(archive("v2_128_35/model.tflite", tiny(tmp_path, 96))),
    )

    ended = cm.script(f"{V2},_uint8", mirrored(cm, server, STORAGE))

    assert ended.code != 0
    assert "takes images of 96 pixels, not 128" in ended.output


@pytest.mark.parametrize("wrong", ["_v3,_small-minimalistic,_uint8", "_v2,_multiplier-0.25", "_v1,_multiplier-0.35"])
def test_an_unknown_model_is_refused_with_the_known_ones(cm: Cm, wrong: str) -> None:
    ended = cm.script(f"get,ml-model,mobilenet,raw,{wrong}")

    assert ended.code != 0
    assert "no model has these variations" in ended.output
    assert "v1 has the multipliers 1.0, 0.75, 0.5, 0.25" in ended.output


@pytest.mark.skipif(not REAL.is_dir(), reason="the real models are absent")
def test_real_models_are_described_by_their_files(cm: Cm) -> None:
    for path in sorted(REAL.glob("*.tflite")):
        ended = cm.script("get,ml-model,mobilenet,raw", f"--model_path={path}", "--out=json")

        assert ended.code == 0, ended.output
        exports = ended.document["new_env"]
        assert exports["CM_ML_MODEL_FULL_NAME"] == path.stem
        assert exports["CM_DATASET_INPUT_SQUARE_SIDE"] in {128, 160, 192, 224}
        assert exports.get("CM_ML_MODEL_PUBLISHED_TOP1") is None
