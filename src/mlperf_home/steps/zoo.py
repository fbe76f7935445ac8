"""SparseZoo: from a stub to the place of its model's file.

The service belonged to Neuralmagic, whose products ended in June 2025; it may answer no more. Its interface, as
sparsezoo 1.8.1 uses it: a GraphQL query at `<api>/v2/graphql` that gives a model's files with their URLs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from scriptgraph.api import FileSource

if TYPE_CHECKING:
    from collections.abc import Mapping

API = "https://api.neuralmagic.com"
_TIMEOUT_S = 30.0
_WORD = r"[A-Za-z0-9._]+"
_STUB = re.compile(
    rf"zoo:(?P<domain>{_WORD})/(?P<task>{_WORD})/(?P<architecture>{_WORD})(?:-(?P<subArchitecture>{_WORD}))?"
    rf"/(?P<framework>{_WORD})/(?P<repo>{_WORD})/(?P<sourceDataset>{_WORD})(?:-(?P<trainingScheme>{_WORD}))?"
    r"/(?P<sparseTag>[A-Za-z0-9._-]+)"
)
_INSTEAD = "use the default model, or a file of yours by --model_path"


class ZooError(Exception):
    """SparseZoo does not give the model; the text says why and what to do instead."""


@dataclass(frozen=True)
class ZooFile:
    """The place of a model's ONNX file, its length where the service tells it, and the model's short name."""

    url: str
    size_bytes: int | None
    name: str


def find_model(stub: str, mirrors: Mapping[str, str]) -> ZooFile:
    """Ask SparseZoo where the model of a stub is.

    Raises:
        ZooError: the stub is malformed, or the service does not answer, or does not know it.
    """
    found = _STUB.fullmatch(stub)
    if found is None:
        raise ZooError(f"{stub}: is no SparseZoo stub; one looks like zoo:nlp/question_answering/bert-base/pytorch/...")
    asked = ",".join(f"{key}: {json.dumps(value)}" for key, value in found.groupdict().items() if value)
    query = f"{{ models ({asked}) {{ modelId files(version: 2) {{ displayName downloadUrl fileSize }} }} }}"
    models = _ask(stub, query, mirrors)
    if not models:
        raise ZooError(f"{stub}: SparseZoo knows no such model; check its spelling, or {_INSTEAD}")
    files = models[0].get("files") or []
    onnx = [each for each in files if each.get("displayName") == "model.onnx" and each.get("downloadUrl")]
    if not onnx:
        raise ZooError(f"{stub}: SparseZoo lists no model.onnx for it; {_INSTEAD}")
    best = next((each for each in onnx if "/deployment/" in each["downloadUrl"]), onnx[0])
    size = best.get("fileSize")
    architecture = "-".join(part for part in (found["architecture"], found["subArchitecture"]) if part)
    name = f"{architecture}-{found['sparseTag']}-bert-99"
    return ZooFile(best["downloadUrl"], size if isinstance(size, int) and size > 0 else None, name)


def _ask(stub: str, query: str, mirrors: Mapping[str, str]) -> list[dict[str, Any]]:
    url = FileSource.parse(f"{API}/v2/graphql", mirrors).url
    try:
        response = requests.post(url, json={"query": query}, timeout=_TIMEOUT_S)
        response.raise_for_status()
        models = response.json()["data"]["models"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        unreached = isinstance(error, requests.RequestException)
        reason = "it cannot be reached" if unreached else "its answer is no list of models"
        if isinstance(error, requests.HTTPError):
            reason = f"HTTP {error.response.status_code}"
        text = f"{stub}: SparseZoo does not answer ({reason}); its service ended in 2025 and may be gone: {_INSTEAD}"
        raise ZooError(text) from error
    return list(models)
