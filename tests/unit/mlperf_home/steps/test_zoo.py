"""The answer of SparseZoo's service names a model's file, or is refused with advice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from faulty_server import FaultyServer, endless, raw, redirect, status

from mlperf_home.steps.zoo import API, ZooError, ZooFile, find_model

if TYPE_CHECKING:
    from collections.abc import Iterator

STUB = "zoo:nlp/question_answering/obert-base/pytorch/huggingface/squad/pruned95_quant-none"
URL = "https://host.example/deployment/model.onnx"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with FaultyServer() as running:
        yield running


def answered(server: FaultyServer, behaviour: Any) -> ZooFile:
    server.serve("/v2/graphql", behaviour)
    return find_model(STUB, {API: server.url("")})


def models(*files: Any) -> bytes:
    return json.dumps({"data": {"models": [{"modelId": "m", "files": list(files)}]}}).encode()


def test_the_file_for_deployment_is_named(server: FaultyServer) -> None:
    other = {"displayName": "model.onnx", "downloadUrl": "https://host.example/training/model.onnx"}
    file = {"displayName": "model.onnx", "downloadUrl": URL, "fileSize": 7}

    found = answered(server, status(200, body=models({"displayName": "other"}, other, file)))

    assert found == ZooFile(URL, 7, "obert-base-pruned95_quant-none-bert-99")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"data": null}', b'{"data": {"models": "zoo"}}', b"\xff",
        b'{"data": {"models": [1]}}', b'{"data": {"models": [{"files": "zoo"}]}}', models(1),
        models({"downloadUrl": 1}),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_list_of_models_is_refused(server: FaultyServer, body: bytes) -> None:
    with pytest.raises(ZooError, match="its answer is not a list of models"):
        answered(server, status(200, body=body))


@pytest.mark.parametrize("url", ["/etc/passwd", "file:///etc/passwd", "", None])
def test_a_file_of_this_machine_is_not_taken(server: FaultyServer, url: str | None) -> None:
    with pytest.raises(ZooError, match=r"has no model\.onnx"):
        answered(server, status(200, body=models({"displayName": "model.onnx", "downloadUrl": url})))


def test_an_endless_answer_is_refused(server: FaultyServer) -> None:
    with pytest.raises(ZooError, match="its answer is not a list of models"):
        answered(server, endless(200, {}))


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (status(503), "HTTP 503"),
        (raw(b"not HTTP at all\r\n\r\n"), "it cannot be reached"),
        (redirect("http://[::1"), "does not answer"),
    ],
)
def test_a_failing_service_is_reported(server: FaultyServer, behaviour: Any, words: str) -> None:
    with pytest.raises(ZooError, match=words):
        answered(server, behaviour)
