"""SparseZoo: the URL of a model's file, from the model's stub.

The service belonged to Neuralmagic, whose products ended in June 2025; it may be gone. The interface is that of
sparsezoo 1.8.1: a GraphQL query at `<api>/v2/graphql` returns the files of a model with their URLs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import HTTPError

from scriptgraph.api import FileSource, parse_json
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

API = "https://api.neuralmagic.com"
_TIMEOUT_S = 30.0
# The list of a model's files has some kilobytes.
_ANSWER = Limits(size=4 << 20, depth=16, values=100_000)
_WORD = r"[A-Za-z0-9._]+"
_STUB = re.compile(
    rf"zoo:(?P<domain>{_WORD})/(?P<task>{_WORD})/(?P<architecture>{_WORD})(?:-(?P<subArchitecture>{_WORD}))?"
    rf"/(?P<framework>{_WORD})/(?P<repo>{_WORD})/(?P<sourceDataset>{_WORD})(?:-(?P<trainingScheme>{_WORD}))?"
    r"/(?P<sparseTag>[A-Za-z0-9._-]+)"
)
_ADVICE = "use the default model, or your own file with --model_path"


class ZooError(Exception):
    """SparseZoo has no such model, or does not answer; the text has the reason and the advice."""


@dataclass(frozen=True)
class ZooFile:
    """A model's ONNX file: its URL, its size if the service reports it, and the model's short name."""

    url: str
    size_bytes: int | None
    name: str


def find_model(stub: str, mirrors: Mapping[str, str]) -> ZooFile:
    """Return the file of a stub's model, from SparseZoo's service.

    Raises:
        ZooError: the stub is malformed, the service does not answer, or has no such model.
    """
    match = _STUB.fullmatch(stub)
    if match is None:
        example = "zoo:nlp/question_answering/bert-base/pytorch/..."
        raise ZooError(f"{stub}: is not a SparseZoo stub; write for example {example}")
    arguments = ",".join(f"{key}: {json.dumps(value)}" for key, value in match.groupdict().items() if value)
    query = f"{{ models ({arguments}) {{ modelId files(version: 2) {{ displayName downloadUrl fileSize }} }} }}"
    models = _query_models(stub, query, mirrors)
    if not models:
        raise ZooError(f"{stub}: SparseZoo has no such model; check the spelling, or {_ADVICE}")
    files = models[0].get("files") or []
    named = [each for each in files if each.get("displayName") == "model.onnx"]
    # A path would be read from this machine.
    onnx = [each for each in named if (each.get("downloadUrl") or "").startswith(("https://", "http://"))]
    if not onnx:
        raise ZooError(f"{stub}: SparseZoo has no model.onnx for this model; {_ADVICE}")
    best = next((each for each in onnx if "/deployment/" in each["downloadUrl"]), onnx[0])
    size = best.get("fileSize")
    architecture = "-".join(part for part in (match["architecture"], match["subArchitecture"]) if part)
    name = f"{architecture}-{match['sparseTag']}-bert-99"
    return ZooFile(best["downloadUrl"], size if isinstance(size, int) and size > 0 else None, name)


def _query_models(stub: str, query: str, mirrors: Mapping[str, str]) -> list[dict[str, Any]]:
    url = FileSource.parse(f"{API}/v2/graphql", mirrors).url
    try:
        with requests.post(url, json={"query": query}, timeout=_TIMEOUT_S, stream=True) as response:
            response.raise_for_status()
            content = response.raw.read(_ANSWER.size + 1, decode_content=True)
        models = _models_of(parse_json(content, url, _ANSWER))
    except (requests.RequestException, HTTPError, DocumentError, ValueError, KeyError, TypeError) as error:
        unreachable = isinstance(error, (requests.RequestException, HTTPError))
        reason = "it cannot be reached" if unreachable else "its answer is not a list of models"
        if isinstance(error, requests.HTTPError):
            reason = f"HTTP {error.response.status_code}"
        text = f"{stub}: SparseZoo, whose service ended in 2025, does not answer ({reason}); {_ADVICE}"
        raise ZooError(text) from error
    return models


def _models_of(answer: Any) -> list[dict[str, Any]]:
    """Return the models of an answer; raise TypeError or KeyError if it has another form."""
    models = answer["data"]["models"]
    if not isinstance(models, list) or not all(map(_is_model, models)):
        raise TypeError
    return models


def _is_model(model: Any) -> bool:
    files = (model.get("files") or []) if isinstance(model, dict) else None
    return isinstance(files, list) and all(
        isinstance(each, dict) and isinstance(each.get("downloadUrl") or "", str) for each in files
    )
