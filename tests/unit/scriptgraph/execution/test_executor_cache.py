"""Cache entries are made once, reused only for equal work, and never incomplete."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import Bench

from scriptgraph.api import Switches
from scriptgraph.cache.store import LAYOUT, Cache
from scriptgraph.errors import StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptgraph.execution.runtime import Rebuild

MAKING = """
    def preprocess(context: Context) -> Done:
        path = context.output / "made.txt"
        path.write_text(context.text("CM_TEXT", "nothing"))
        return Done({"CM_PATH": path})
    """
FIELDS: dict[str, Any] = {"cache": True, "env_keys": ["CM_TEXT"], "new_env_keys": ["CM_PATH"]}


def add(bench: Bench, code: str = MAKING, **more: Any) -> Path:
    return bench.scripts.add("x", code, **{**FIELDS, **more})


def status(bench: Bench, tags: str = "x", **asked: Any) -> str:
    """Run, and return the status of the script `x`."""
    (found,) = [step.status for step in bench.run(tags, **asked).steps if step.alias == "x"]
    return found


def made(bench: Bench) -> str:
    path = Path(bench.written_record()["exports"]["CM_PATH"])
    assert path.is_relative_to(bench.cache.root)
    return path.read_text(encoding="utf-8")


def test_the_second_run_uses_the_entries_of_the_first(bench: Bench) -> None:
    add(bench)

    first, second = bench.run("x"), bench.run("x")

    assert (first.steps[0].status, second.steps[0].status) == ("done", "cached")
    assert first.exports == second.exports
    assert first.steps[0].cache_key == second.steps[0].cache_key
    assert made(bench) == "nothing"


CHANGES: dict[str, tuple[Callable[[Bench], object], dict[str, Any]]] = {
    "a value it reads": (add, {"env": {"CM_TEXT": "other"}}),
    "an option": (lambda bench: add(bench, inputs={"text": {"env": "CM_TEXT"}}), {"inputs": {"text": "other"}}),
    "a variation": (lambda bench: add(bench, variations={"v": {}, "w": {}}), {"tags": "x,_w"}),
    "a version": (
        lambda bench: add(bench, versions={"1": {}, "2": {}}, default_version="1"),
        {"inputs": {"version": "2"}},
    ),
    "the version asked for": (
        lambda bench: add(bench, env_keys=["CM_TEXT", "CM_VERSION"]),
        {"inputs": {"version": "7"}},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_request_is_another_entry(bench: Bench, change: str) -> None:
    prepare, asked = CHANGES[change]
    prepare(bench)
    status(bench)

    assert status(bench, **asked) == "done"
    assert status(bench) == "cached"
    assert status(bench, **asked) == "cached"


def test_a_corrected_script_does_not_reuse_its_old_output(bench: Bench) -> None:
    add(bench)
    status(bench)

    add(bench, MAKING.replace('"nothing"', '"mended"'))

    assert status(bench) == "done"
    assert made(bench) == "mended"


def test_a_changed_file_beside_the_code_is_another_entry(bench: Bench) -> None:
    folder = add(bench)
    status(bench)
    (folder / "table.csv").write_text("new", encoding="utf-8")

    assert status(bench) == "done"


def test_keys_that_it_does_not_read_do_not_matter(bench: Bench) -> None:
    add(bench)
    status(bench)

    assert status(bench, env={"CM_UNREAD": "other"}, switches=Switches(quiet=True)) == "cached"


@pytest.mark.parametrize("through", ["directly", "through a step that is not kept"])
def test_its_dependencies_matter(bench: Bench, through: str) -> None:
    lowest = "below" if through == "directly" else "lowest"
    if through != "directly":
        bench.scripts.add("below", deps=[{"tags": "lowest"}])
    add(bench, deps=[{"tags": "below"}])
    for text, expected in (("one", "done"), ("one", "cached"), ("two", "done")):
        code = f"def preprocess(context: Context) -> Done:\n    return Done() or {text!r}"
        bench.scripts.add(lowest, code, cache=True)

        assert status(bench) == expected


def test_a_failure_leaves_no_entry_and_can_be_retried(bench: Bench) -> None:
    failing = """
        def preprocess(context: Context) -> Done:
            (context.output / "half.txt").write_text("half")
            raise StepFailed("no luck")
        """
    add(bench, failing)

    with pytest.raises(StepFailed):
        bench.run("x")

    assert bench.entries() == []
    assert list((bench.cache.root / "making").iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_no_entry(bench: Bench, error: type[BaseException]) -> None:
    add(bench, f"def preprocess(context: Context) -> Done:\n    raise {error.__name__}")

    with pytest.raises(error):
        bench.run("x")

    assert bench.entries() == []


def test_an_undeclared_export_leaves_no_entry(bench: Bench) -> None:
    add(bench, new_env_keys=[])

    with pytest.raises(Exception, match="exports CM_PATH"):
        bench.run("x")

    assert bench.entries() == []


def test_later_steps_get_the_paths_of_the_entry(bench: Bench) -> None:
    add(bench)
    seeing = "return Done({'CM_SEEN': context.existing('CM_PATH').read_text()})"
    bench.scripts.add(
        "top",
        f"def preprocess(context: Context) -> Done:\n    {seeing}",
        deps=[{"tags": "x", "env": {"CM_TEXT": "for top"}}],
        env_keys=["CM_PATH"],
        new_env_keys=["CM_SEEN"],
    )

    assert [bench.run("top").exports["CM_SEEN"] for _ in range(2)] == ["for top", "for top"]


def test_a_moved_cache_is_used_as_it_is(bench: Bench, tmp_path: Path) -> None:
    add(bench)
    bench.scripts.add(
        "top",
        "def preprocess(context: Context) -> Done:\n    return Done({'CM_PATH': context.path('CM_PATH')})",
        deps=[{"tags": "x"}], cache=True, env_keys=["CM_PATH"], new_env_keys=["CM_PATH"],
    )  # fmt: skip
    bench.run("top")
    shutil.move(bench.home, tmp_path / "moved" / "home")
    shutil.copytree(bench.scripts.root, tmp_path / "moved" / "repo")

    record = (moved := Bench(tmp_path / "moved")).run("top")

    assert [step.status for step in record.steps] == ["cached", "cached"]
    assert made(moved) == "nothing"


def test_a_skip_is_kept_with_its_exports(bench: Bench) -> None:
    code = "def preprocess(context: Context) -> Skip:\n    return Skip('it is there', {'CM_PATH': '/given'})"
    add(bench, code)

    assert [bench.run("x").exports for _ in range(2)] == [{"CM_PATH": "/given"}, {"CM_PATH": "/given"}]


class TestVerify:
    CODE = (
        MAKING
        + """
    def verify(context: Context) -> bool:
        return context.existing("CM_PATH").read_text() == "nothing"
    """
    )

    def test_an_entry_that_passes_verification_is_used(self, bench: Bench) -> None:
        add(bench, self.CODE)

        assert [status(bench), status(bench)] == ["done", "cached"]

    def test_an_entry_that_fails_verification_is_made_again(self, bench: Bench) -> None:
        add(bench, self.CODE)
        path = Path(str(bench.run("x").exports["CM_PATH"]))
        path.write_text("spoiled", encoding="utf-8")

        assert [status(bench), status(bench)] == ["done", "cached"]
        assert path.read_text(encoding="utf-8") == "nothing"


class TestFingerprint:
    CODE = (
        MAKING
        + """
    def fingerprint(context: Context) -> str:
        return context.existing("CM_TEXT").read_text()
    """
    )

    def test_the_content_of_a_users_file_is_part_of_the_key(self, bench: Bench, tmp_path: Path) -> None:
        add(bench, self.CODE)
        file = tmp_path / "file"
        asked = {"env": {"CM_TEXT": str(file)}}
        for text, expected in (("one", "done"), ("one", "cached"), ("two", "done"), ("one", "cached")):
            file.write_text(text, encoding="utf-8")

            assert status(bench, **asked) == expected

    def test_an_uncached_step_runs_again_for_another_file(self, bench: Bench, tmp_path: Path) -> None:
        changing = """
            def preprocess(context: Context) -> Done:
                context.path("CM_TEXT").write_text("two")
                return Done()
            """
        add(bench, self.CODE, cache=False)
        bench.scripts.add("changing", changing, env_keys=["CM_TEXT"])
        bench.scripts.add("top", deps=[{"tags": "x"}, {"tags": "changing"}, {"tags": "x"}])
        (tmp_path / "file").write_text("one", encoding="utf-8")

        record = bench.run("top", env={"CM_TEXT": str(tmp_path / "file")})

        assert [step.alias for step in record.steps] == ["x", "changing", "x", "top"]


class TestAnew:
    """`--new` and `--renew`: existing entries are replaced."""

    COUNTING = """
        from pathlib import Path

        def preprocess(context: Context) -> Done:
            count = Path(context.text("CM_COUNT"))
            count.write_text(count.read_text() + context.manifest.alias + " ")
            if context.folders.state.joinpath("fail").exists():
                raise StepFailed("no luck")
            (context.output / "made.txt").write_text(count.read_text())
            return Done({"CM_PATH": context.output / "made.txt"})
        """

    @pytest.fixture
    def count(self, bench: Bench, tmp_path: Path) -> Path:
        fields: dict[str, Any] = {"cache": True, "env_keys": ["CM_COUNT"], "new_env_keys": ["CM_PATH"]}
        bench.scripts.add("low", self.COUNTING, **fields)
        bench.scripts.add("top", self.COUNTING, **fields, deps=[{"tags": "low"}, {"tags": "low"}])
        (tmp_path / "count").touch()
        bench.run("top", env={"CM_COUNT": str(tmp_path / "count")})
        return tmp_path / "count"

    def again(self, bench: Bench, count: Path, rebuild: Rebuild) -> str:
        """Run again, and return the names of the scripts whose code ran."""
        count.write_text("", encoding="utf-8")
        bench.run("top", env={"CM_COUNT": str(count)}, rebuild=rebuild)
        return count.read_text(encoding="utf-8")

    @pytest.mark.parametrize(("rebuild", "worked"), [("none", ""), ("requested", "top "), ("all", "low top ")])
    def test_each_rebuilt_step_runs_once(self, bench: Bench, count: Path, rebuild: Rebuild, worked: str) -> None:
        assert self.again(bench, count, rebuild) == worked

    @pytest.mark.parametrize("rebuild", ["requested", "all"])
    def test_a_rebuilt_entry_replaces_the_old_one(self, bench: Bench, count: Path, rebuild: Rebuild) -> None:
        before = bench.entries()
        worked = self.again(bench, count, rebuild)

        assert made(bench) == worked
        assert bench.entries() == before
        assert list(bench.cache.making_folder.iterdir()) == []
        assert self.again(bench, count, "none") == ""
        assert not [event for event in bench.events if event[0] == "warned"]

    def test_the_old_entry_stays_if_the_new_one_fails(self, bench: Bench, count: Path) -> None:
        (bench.home / "state").mkdir(exist_ok=True)
        (bench.home / "state/fail").touch()
        with pytest.raises(StepFailed):
            self.again(bench, count, "all")
        (bench.home / "state/fail").unlink()

        assert self.again(bench, count, "none") == ""


def test_a_damaged_entry_is_made_again_with_a_warning(bench: Bench) -> None:
    add(bench)
    status(bench)
    (bench.cache.root / LAYOUT / next(each for each in bench.entries() if each.endswith("made.txt"))).write_text("")

    assert status(bench) == "done"
    assert made(bench) == "nothing"
    assert [details["message"] for kind, _, details in bench.events if kind == "warned"] == [
        "the cache entry is damaged and is made again: content/made.txt has 0 bytes instead of 7"
    ]
    assert status(bench) == "cached"


def test_a_moved_cache_keeps_all_entries(bench: Bench, tmp_path: Path) -> None:
    reading = """
        def preprocess(context: Context) -> Done:
            (context.output / "copy.txt").write_text(context.existing("CM_PATH").read_text())
            return Done({"CM_COPY": context.output / "copy.txt"})
        """
    add(bench)
    fields: dict[str, Any] = {"env_keys": ["CM_PATH"], "new_env_keys": ["CM_COPY", "CM_PATH"]}
    bench.scripts.add("reading", reading, cache=True, deps=[{"tags": "x"}], **fields)
    bench.run("reading")
    shutil.move(bench.cache.root, tmp_path / "elsewhere")
    bench.cache = Cache(tmp_path / "elsewhere")

    record = bench.run("reading")

    assert [step.status for step in record.steps] == ["cached", "cached"]
    for key in ("CM_PATH", "CM_COPY"):
        path = Path(str(record.exports[key]))
        assert path.is_relative_to(tmp_path / "elsewhere")
        assert path.read_text(encoding="utf-8") == "nothing"
