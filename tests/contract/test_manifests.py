"""Every script's manifest can be read, found and resolved, and describes the script."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scriptgraph.api import Context
from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import RequestError
from scriptgraph.execution.run_step import content_digest, load_customize
from scriptgraph.manifest.limits import CPUS
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.options import read_inputs

if TYPE_CHECKING:
    from scriptgraph.manifest.types import Dependency, Manifest

ROOT = Path(__file__).parents[2]
REGISTRY = load_registry([ROOT])
SCRIPTS = list(REGISTRY)
LONGEST_CUSTOMIZE = 80
# These write nothing into the folders that their options name.
READERS = {"plot-pareto", "push-mlperf-inference-results-to-github", "run-mlperf-inference-submission-checker"}


def dependencies(manifest: Manifest) -> list[Dependency]:
    declared = [*manifest.deps, *manifest.post_deps]
    for variation in manifest.variations.values():
        declared += [*variation.deps, *variation.post_deps]
    for version in manifest.versions.values():
        declared += version.deps
    return declared


def named(manifest: Manifest) -> str:
    return manifest.alias


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 20


def test_no_manifest_is_broken() -> None:
    assert not list(REGISTRY.problems())


def test_no_two_scripts_share_an_identity() -> None:
    assert not [uid for uid, count in Counter(each.uid for each in SCRIPTS).items() if count > 1]


@pytest.mark.parametrize("manifest", SCRIPTS, ids=named)
class TestScript:
    def test_its_alias_is_its_folder_and_one_of_its_tags(self, manifest: Manifest) -> None:
        assert manifest.alias == manifest.folder.name
        assert manifest.alias in manifest.tags

    def test_its_numbers_are_refused_out_of_range(self, manifest: Manifest) -> None:
        for name, option in manifest.inputs.items():
            if option.kind not in {"number", "numbers"}:
                continue
            lower = option.above if option.minimum is None else option.minimum - 1
            upper = option.below if option.maximum is None else option.maximum
            assert lower is not None, name
            assert upper is not None, name
            for value in (lower, "-9" * 9, "nan", "inf", "1e999", "two", "9" * 5000):
                if option.maximum == CPUS and value == "9" * 5000:
                    continue  # the machine's limit, which a plan does not know
                with pytest.raises(RequestError, match=f"^--{name}="):
                    read_inputs(manifest, {name: value})

    def test_its_paths_state_how_they_are_used(self, manifest: Manifest) -> None:
        written = ("results_dir", "submission_dir", "out_dir", "output_dir", "originals_dir", "tar_file", "outfile")
        for name in manifest.inputs.keys() & written:
            option = manifest.inputs[name]
            assert option.place or manifest.alias in READERS or "only read" in option.description, name

    def test_it_describes_itself(self, manifest: Manifest) -> None:
        assert manifest.name
        assert all(option.description for option in manifest.inputs.values())
        # `a,b` only combines two described variations.
        assert all(each.description for name, each in manifest.variations.items() if "," not in name)

    def test_cmind_accepts_it(self, manifest: Manifest) -> None:
        document = json.loads((manifest.folder / "_cm.json").read_text())

        assert document["automation_alias"] == "script"
        assert len(document["uid"]) == 16

    def test_each_dependency_selects_exactly_one_script(self, manifest: Manifest) -> None:
        for dependency in dependencies(manifest):
            query = parse_query(dependency.tags)
            selected = REGISTRY.select(query)
            for variation in query.variations:
                assert {variation, f"{variation.partition('.')[0]}.#"} & set(selected.variations), dependency.tags

    def test_a_group_has_one_default_at_most(self, manifest: Manifest) -> None:
        defaults = Counter(each.group for each in manifest.variations.values() if each.default and each.group)

        assert all(count == 1 for count in defaults.values())

    def test_keys_of_its_conditions_are_read_or_exported(self, manifest: Manifest) -> None:
        exported = {key for each in SCRIPTS for key in each.exports}
        known = exported | {key for each in SCRIPTS for key in each.reads}

        for dependency in dependencies(manifest):
            assert dependency.keys <= known

    def test_its_code_can_be_hashed(self, manifest: Manifest) -> None:
        assert content_digest(manifest)


CUSTOMIZES = sorted((ROOT / "script").glob("*/customize.py"))


@pytest.mark.parametrize("path", CUSTOMIZES, ids=lambda path: path.parent.name)
class TestCustomize:
    def test_it_is_short(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= LONGEST_CUSTOMIZE

    def test_it_imports_with_hooks_of_the_right_signature(self, path: Path) -> None:
        manifest = next(each for each in SCRIPTS if each.folder == path.parent)
        module = load_customize(manifest)

        assert module is not None
        assert callable(module.preprocess)
        for name in ("preprocess", "postprocess", "verify", "fingerprint"):
            hook = getattr(module, name, None)
            if hook is not None:
                annotations = hook.__annotations__
                assert annotations["context"] in (Context, "Context")
                assert "return" in annotations

    def test_it_starts_programs_through_its_context_only(self, path: Path) -> None:
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        imported = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }

        assert not names & {"eval", "exec", "compile", "input"}
        assert not imported & {"subprocess", "shlex", "pickle"}
        assert "os.system" not in path.read_text()
