"""Sources are parsed, mirrored, and displayed without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from scriptgraph.fetch.sources import FileSource, SourceError


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
    assert FileSource.parse(given).path == Path(path)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("ftp://host/file", "unsupported scheme; use http, https or file"),
        ("s3://bucket/file", "unsupported scheme; use http, https or file"),
        ("file://elsewhere/file", "names another machine"),
        ("http:///file", "no host"),
        ("http://[::1/file", "is not a URL"),
        ("http://host:port/file", "check its host and port"),
        ("http://host:99999/file", "check its host and port"),
        ("~no-such-user/file", "the home folder of an unknown user"),
        ("  ", "is neither a URL nor a path"),
    ],
)
def test_other_sources_are_refused(given: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        FileSource.parse(given)


def test_secrets_are_never_shown() -> None:
    source = FileSource.parse("https://me:hunter2@host:8443/model.onnx?token=hunter2#hunter2")

    assert str(source) == "https://host:8443/model.onnx?..."
    assert "hunter2" not in repr(source)
    with pytest.raises(SourceError) as refused:
        FileSource.parse("ftp://me:hunter2@host/x?hunter2")
    assert "hunter2" not in str(refused.value)


def test_the_longest_mirror_replaces_its_prefix_once() -> None:
    mirrors = {
        "https://host/": "http://near/all/",
        "https://host/models/": "http://near/models/",
        "http://near/": "http://loop/",
        "https://disk/": "/mnt/disk/",
    }

    assert FileSource.parse("https://host/models/a", mirrors).url == "http://near/models/a"
    assert FileSource.parse("https://host/b", mirrors).url == "http://near/all/b"
    assert FileSource.parse("https://other/b", mirrors).url == "https://other/b"
    assert FileSource.parse("https://disk/b", mirrors).path == Path("/mnt/disk/b")
