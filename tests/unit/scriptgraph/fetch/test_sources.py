"""Sources: what may be fetched, mirrors, and secrets that are not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from scriptgraph.fetch.sources import Source, SourceError


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (Path("/models/a.onnx"), "/models/a.onnx"),
        ("/models/a.onnx", "/models/a.onnx"),
        ("models/a:b.onnx", "models/a:b.onnx"),
        ("file:///models/a%20b.onnx", "/models/a b.onnx"),
        ("file://localhost/models/a.onnx", "/models/a.onnx"),
    ],
)
def test_paths_and_file_urls_are_local(given: str | Path, path: str) -> None:
    assert Source.parse(given).path == Path(path)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("ftp://host/file", "only http, https and file"),
        ("s3://bucket/file", "only http, https and file"),
        ("file://elsewhere/file", "names another computer"),
        ("http:///file", "no host"),
        ("http://[::1/file", "is no URL"),
        ("  ", "an empty text"),
    ],
)
def test_other_sources_are_refused(given: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        Source.parse(given)


def test_secrets_are_never_shown() -> None:
    source = Source.parse("https://me:hunter2@host:8443/model.onnx?token=hunter2#hunter2")

    assert str(source) == "https://host:8443/model.onnx?..."
    assert "hunter2" not in repr(source)
    with pytest.raises(SourceError) as refused:
        Source.parse("ftp://me:hunter2@host/x?hunter2")
    assert "hunter2" not in str(refused.value)


def test_the_longest_mirror_replaces_its_prefix_once() -> None:
    mirrors = {
        "https://host/": "http://near/all/",
        "https://host/models/": "http://near/models/",
        "http://near/": "http://loop/",
        "https://disk/": "/mnt/disk/",
    }

    assert Source.parse("https://host/models/a", mirrors).url == "http://near/models/a"
    assert Source.parse("https://host/b", mirrors).url == "http://near/all/b"
    assert Source.parse("https://other/b", mirrors).url == "https://other/b"
    assert Source.parse("https://disk/b", mirrors).path == Path("/mnt/disk/b")
