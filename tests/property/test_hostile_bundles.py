"""Whatever a bundle holds, verification ends with problems or with a located error."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from challenge_homes import challenge_home
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unpacked_bundles import UnpackedBundle

from mlperf_home.challenges.bundles.problems import grouped
from mlperf_home.challenges.verification.verification import BundleError, verify, verify_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIXTURE = next((Path(__file__).parents[1] / "fixtures" / "home-0.1").rglob("bundle.tar.gz"))
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    st.sampled_from([10**400, -1, 2**63, "\ud800", "\x1b[31m", "../../x", "9999-99-99", "NaN", float("inf")]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FUZZED = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("original")
    with pytest.MonkeyPatch.context() as patch:
        yield UnpackedBundle(challenge_home(folder, patch).bundle(only="first"), folder).root


@FUZZED
@given(data=st.data())
def test_a_bundle_with_any_values_is_judged(original: Path, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=original.parent) as name:
        root = Path(shutil.copytree(original, Path(name) / original.name))
        paths = sorted(path for path in root.rglob("*.json") if not path.name.startswith("mlperf_log"))
        path = data.draw(st.sampled_from(paths))
        document = json.loads(path.read_text("utf-8"))
        _place(document, data)
        path.write_bytes(json.dumps(document).encode("utf-8", "surrogatepass"))

        _judge(root)


@FUZZED
@given(data=st.data())
def test_a_bundle_with_any_log_is_judged(original: Path, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(dir=original.parent) as name:
        root = Path(shutil.copytree(original, Path(name) / original.name))
        path = data.draw(st.sampled_from(sorted(path for path in root.rglob("*") if path.is_file())))
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:start] + data.draw(st.binary(max_size=40)) + content[start + 5 :])

        _judge(root)


@FUZZED
@given(start=st.integers(0, FIXTURE.stat().st_size), content=st.binary(min_size=1, max_size=8))
def test_a_damaged_archive_is_refused_or_judged(tmp_path: Path, start: int, content: bytes) -> None:
    archive = FIXTURE.read_bytes()
    with tempfile.TemporaryDirectory(dir=tmp_path) as name:
        damaged = Path(name) / "bundle.tar.gz"
        damaged.write_bytes(archive[:start] + content + archive[start + len(content) :])
        assert "\n" not in _error_of(lambda: verify(damaged, Path(name) / "unpacked"))


def _place(document: Any, data: st.DataObject) -> None:
    """Replace one place of a document by any value."""
    while True:
        keys = sorted(document) if isinstance(document, dict) else list(range(len(document)))
        key = data.draw(st.sampled_from(keys))
        inner = document[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            document[key] = data.draw(VALUES)
            return
        document = inner


def _judge(root: Path) -> None:
    problems: list[tuple[str, str]] = []
    error = _error_of(lambda: problems.extend(verify_folder(root, root)[2]))
    assert error or problems
    assert all(line.isprintable() for line in (error, *grouped(problems)))


def _error_of(act: Callable[[], object]) -> str:
    """Return the error of a bundle that is refused as a whole; "" if it is judged."""
    try:
        act()
    except BundleError as error:
        return str(error)
    return ""
