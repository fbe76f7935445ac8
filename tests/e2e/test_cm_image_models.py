"""The 81 models: what they are, and how they come from their hosts, for which a local server stands."""

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
# It serves another file than the one that was measured, so it cannot stand in for it.
OTHER_FILE = "http://download.tensorflow.org/models/tflite_11_05_08/mobilenet_v2_1.0_224_quant.tgz"
STORAGE = "storage.googleapis.com"
V2 = "get,ml-model,mobilenet,raw,_v2,_multiplier-0.35,_resolution-128"


def manifest(alias: str) -> Manifest:
    """Read a script's manifest as the engine does, its repetitions over tables expanded."""
    return next(each for each in load_registry([ROOT]) if each.alias == alias)


def combined(alias: str) -> dict[str, Mapping[str, Any]]:
    return {name: each.env for name, each in manifest(alias).variations.items() if "," in name}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def mirrored(cm: Cm, server: FaultyServer, *hosts: str) -> str:
    """Let the server stand for hosts; others lead nowhere."""
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


def test_there_are_81_and_no_two_are_the_same_file() -> None:
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


@pytest.mark.skipif(not SOURCES.is_file(), reason="the list of sources is not at hand")
def test_they_are_those_of_the_list_of_sources() -> None:
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


def test_the_sweep_names_each_of_them_once() -> None:
    sweep = manifest("run-mlperf-inference-mobilenet-models").deps
    asked = [each.env for each in sweep if each.for_each and each.enable.get("CM_DATASET_SAMPLE") == ("no",)]

    named = {(each["CM_ML_MODEL_FAMILY"], ",".join(each["CM_ML_MODEL_VARIATION"])) for each in asked}
    assert len(asked) == 81
    assert named == {
        *(("mobilenet", name) for name in combined("get-ml-model-mobilenet")),
        *(("efficientnet", name) for name in combined("get-ml-model-efficientnet-lite")),
    }


def test_a_model_comes_out_of_its_archive_and_says_what_it_is(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    model = tiny(tmp_path, 128)
    server.serve("/mobilenet_v2/checkpoints/quantized_v2_128_35.tgz", whole(archive("v2_128_35/model.tflite", model)))

    ended = cm.script(f"{V2},_uint8", mirrored(cm, server, STORAGE), "--out=json")

    assert ended.code == 0, ended.said
    told = ended.document["new_env"]
    assert Path(told["CM_ML_MODEL_FILE_WITH_PATH"]).read_bytes() == model
    assert told["CM_ML_MODEL_FULL_NAME"] == "mobilenet-v2-precision_uint8-0.35-128"
    assert told["CM_ML_MODEL_WEIGHT_TYPE"] == "uint8"
    assert told["CM_DATASET_INPUT_SQUARE_SIDE"] == 128


def test_the_next_source_is_tried_where_one_has_it_no_more(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    env = combined("get-ml-model-mobilenet")["v2,multiplier-0.35,resolution-128,fp32"]
    content = archive(env["CM_EXTRACT_MEMBER"], tiny(tmp_path, 128))
    first, second = (each.split("/", 3) for each in env["CM_DOWNLOAD_URL"])
    server.serve(f"/{first[3]}", status(404))
    server.serve(f"/{second[3]}", whole(content))
    checksum = f"--adr.download-and-extract.checksum=sha256:{hashlib.sha256(content).hexdigest()}"

    ended = cm.script(V2, mirrored(cm, server, first[2], second[2]), checksum)

    assert ended.code == 0, ended.said


def test_what_has_another_hash_than_recorded_is_refused(cm: Cm, server: FaultyServer, tmp_path: Path) -> None:
    env = combined("get-ml-model-mobilenet")["v2,multiplier-1.0,resolution-224,fp32"]
    content = archive(env["CM_EXTRACT_MEMBER"], tiny(tmp_path, 224))
    for url in env["CM_DOWNLOAD_URL"]:
        server.serve("/" + url.split("/", 3)[3], whole(content))
    hosts = {url.split("/", 3)[2] for url in env["CM_DOWNLOAD_URL"]}

    ended = cm.script("get,ml-model,mobilenet,raw,_v2", mirrored(cm, server, *hosts))

    assert ended.code != 0
    assert env["CM_DOWNLOAD_HASHES"][0].partition(":")[2] in ended.said
    assert hashlib.sha256(content).hexdigest() in ended.said
    assert "Traceback" not in ended.said


def test_an_archive_that_came_damaged_and_has_no_published_hash_is_fetched_again(
    cm: Cm, server: FaultyServer, tmp_path: Path
) -> None:
    content = archive("v2_128_35/model.tflite", tiny(tmp_path, 128))
    place = "/mobilenet_v2/checkpoints/quantized_v2_128_35.tgz"
    server.serve(place, whole(content[: len(content) // 2]), whole(content))
    asked = (f"{V2},_uint8", mirrored(cm, server, STORAGE))

    first = cm.script(*asked)
    again = cm.script(*asked)
    kept = cm.script(*asked)

    assert first.code != 0
    assert "it has no published hash; repeat the command to fetch it again" in first.said
    assert again.code == 0, again.said
    assert kept.code == 0
    assert len([each for each in server.seen if each.path == place]) == 2


def test_a_file_for_another_size_than_its_variation_says_is_refused(
    cm: Cm, server: FaultyServer, tmp_path: Path
) -> None:
    server.serve(
        "/mobilenet_v2/checkpoints/quantized_v2_128_35.tgz",
        whole(archive("v2_128_35/model.tflite", tiny(tmp_path, 96))),
    )

    ended = cm.script(f"{V2},_uint8", mirrored(cm, server, STORAGE))

    assert ended.code != 0
    assert "takes images of 96 pixels, not 128" in ended.said


@pytest.mark.parametrize("wrong", ["_v3,_small-minimalistic,_uint8", "_v2,_multiplier-0.25", "_v1,_multiplier-0.35"])
def test_a_model_that_does_not_exist_is_refused_with_those_that_do(cm: Cm, wrong: str) -> None:
    ended = cm.script(f"get,ml-model,mobilenet,raw,{wrong}")

    assert ended.code != 0
    assert "there is no such model" in ended.said
    assert "v1 has the multipliers 1.0, 0.75, 0.5, 0.25" in ended.said


@pytest.mark.skipif(not REAL.is_dir(), reason="the real models are not at hand")
def test_real_models_are_taken_as_they_are(cm: Cm) -> None:
    for path in sorted(REAL.glob("*.tflite")):
        ended = cm.script("get,ml-model,mobilenet,raw", f"--model_path={path}", "--out=json")

        assert ended.code == 0, ended.said
        told = ended.document["new_env"]
        assert told["CM_ML_MODEL_FULL_NAME"] == path.stem
        assert told["CM_DATASET_INPUT_SQUARE_SIDE"] in {128, 160, 192, 224}
        assert told.get("CM_ML_MODEL_PUBLISHED_TOP1") is None
