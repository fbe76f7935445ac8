"""Downloads of datasets and models from a local server in place of their hosts."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulty_server import FaultyServer, status, truncated, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cm_command import Cm, Ended

VOCABULARY = Path(__file__).parents[2] / "../shared/data/squad/vocab.txt"
HUB, GITHUB, ZOO = "https://huggingface.co/", "https://github.com/", "https://api.neuralmagic.com/"
OBERT = "mlcommons/inference_results_v2.1/raw/master/open/NeuralMagic/code/bert/deepsparse/models/"
OBERT_NAME = "oBERT-Large_95sparse_block4_qat.onnx"
STUB = "zoo:nlp/question_answering/mobilebert-none/pytorch/huggingface/squad/14layer_pruned50_quant-none-vnni"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def mirrored(cm: Cm, server: FaultyServer, *hosts: str) -> str:
    """Redirect hosts to the server, and all others nowhere; return the option for it."""
    path = cm.home / "mirrors.json"
    path.write_text(json.dumps({"https://": server.url("/nowhere/"), **{host: server.url("/") for host in hosts}}))
    return f"--mirrors={path}"


def archive_with(name: str, content: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return lzma.compress(raw.getvalue())


def exported(ended: Ended, key: str) -> Path:
    assert ended.code == 0, ended.output
    return Path(ended.document["new_env"][key])


def test_the_default_model_is_extracted_and_checked(cm: Cm, server: FaultyServer) -> None:
    archive = archive_with(OBERT_NAME, b"the model")
    server.serve(f"/{OBERT}{OBERT_NAME}.tar.xz", whole(archive))
    blob = sha1(b"blob %d\0" % len(archive) + archive).hexdigest()  # noqa: S324 - git's own hash

    ended = cm.script(
        "get,ml-model,bert-large",
        mirrored(cm, server, GITHUB),
        f"--adr.download-and-extract.checksum=git-blob-sha1:{blob}",
        "--out=json",
    )

    assert exported(ended, "CM_ML_MODEL_FILE_WITH_PATH").read_bytes() == b"the model"


def test_a_model_with_another_hash_is_refused_and_not_kept(cm: Cm, server: FaultyServer) -> None:
    server.serve(f"/{OBERT}{OBERT_NAME}.tar.xz", whole(archive_with(OBERT_NAME, b"another model")))

    ended = cm.script("get,ml-model,bert-large", mirrored(cm, server, GITHUB))

    assert ended.code != 0
    assert "198663a59b3987f95a84234b51af215eda01ba03" in ended.output
    assert "Traceback" not in ended.output
    assert not list((cm.home / "mlperf-home/cache").rglob("*.onnx*"))


def test_after_a_failure_the_next_source_has_the_vocabulary(cm: Cm, server: FaultyServer) -> None:
    if not VOCABULARY.exists():
        pytest.skip("BERT's vocabulary is absent")
    content = VOCABULARY.read_bytes()
    server.serve("/google-bert/bert-base-uncased/resolve/main/vocab.txt", truncated(content, 1000), whole(content))

    ended = cm.script("get,squad-vocab", mirrored(cm, server, HUB), "--out=json")

    assert exported(ended, "CM_DATASET_SQUAD_VOCAB_PATH").read_bytes() == content


def test_a_model_is_downloaded_once(cm: Cm, server: FaultyServer) -> None:
    model = b"a hub's model"
    path = "/yujiepan/mobilebert-uncased-squadv1-14blocks-structured39.8-int8/resolve/main/model.onnx"
    server.serve(path, whole(model))
    command = ("get,ml-model,bert-large,_hf-mobilebert-int8", mirrored(cm, server, HUB), "--out=json")
    first = exported(cm.script(*command), "CM_ML_MODEL_FILE_WITH_PATH")
    requests = len(server.seen)

    second = exported(cm.script(*command), "CM_ML_MODEL_FILE_WITH_PATH")

    assert second == first
    assert second.read_bytes() == model
    assert len(server.seen) == requests


def test_a_file_without_a_published_hash_must_stay_the_same(cm: Cm, server: FaultyServer) -> None:
    path = "/Intel/bert-large-uncased-squadv1.1-sparse-80-1x4-block-pruneofa/resolve/main/model.onnx"
    server.serve(path, whole(b"as it was"), whole(b"as it is now"))
    words = ("get,ml-model,bert-large,_hf-bert-large-sparse80", mirrored(cm, server, HUB))
    assert cm.script(*words).code == 0
    assert cm("rm", "cache", "-f").code == 0

    ended = cm.script(*words)

    assert ended.code != 0
    assert "sha256" in ended.output


def test_the_model_of_a_zoo_stub_is_fetched(cm: Cm, server: FaultyServer) -> None:
    place = ZOO + "v2/models/1/files/deployment/model.onnx?version=2"
    files = [{"displayName": "model.onnx", "downloadUrl": place, "fileSize": 9}]
    answer = {"data": {"models": [{"modelId": "1", "files": files}]}}
    server.serve("/v2/graphql", whole(json.dumps(answer).encode()))
    server.serve("/v2/models/1/files/deployment/model.onnx", whole(b"zoo model"))

    ended = cm.script(
        "get,ml-model,zoo,deepsparse",
        mirrored(cm, server, ZOO),
        f"--env.CM_MLPERF_NEURALMAGIC_MODEL_ZOO_STUB={STUB}",
        "--out=json",
    )

    assert exported(ended, "CM_ML_MODEL_ZOO_PATH").read_bytes() == b"zoo model"


@pytest.mark.parametrize("answer", [status(403), status(500), whole(b"<html>bought</html>")])
def test_a_zoo_that_is_gone_is_reported_with_an_alternative(cm: Cm, server: FaultyServer, answer: object) -> None:
    server.serve("/v2/graphql", answer)

    ended = cm.script("get,ml-model,zoo,deepsparse", mirrored(cm, server, ZOO), f"--stub={STUB}")

    assert ended.code != 0
    assert "does not answer" in ended.output
    assert "--model_path" in ended.output


def test_without_a_network_the_error_names_every_source(cm: Cm) -> None:
    path = cm.home / "mirrors.json"
    path.write_text(json.dumps({"https://": "http://127.0.0.1:9/"}))

    ended = cm.script("get,dataset,squad,original", f"--mirrors={path}")

    assert ended.code != 0
    assert "raw.githubusercontent.com" in ended.output
    assert "rajpurkar.github.io" in ended.output
    assert "Traceback" not in ended.output


def test_a_download_without_a_hash_needs_record(cm: Cm, server: FaultyServer) -> None:
    url = server.serve("/file.bin", whole(b"content"))

    refused = cm.script("download,file", f"--url={url}")
    recorded = cm.script("download,file", f"--url={url}", "--record=yes", "--out=json")

    assert refused.code != 0
    assert "has no expected hash" in refused.output
    assert exported(recorded, "CM_DOWNLOAD_PATH").read_bytes() == b"content"
