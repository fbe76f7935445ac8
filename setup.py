"""Maps the CM repository's folders into the package that cmind finds by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PACKAGE = "cm_mlperf_home"
FOLDERS = {"cm-repo": "automation", "script": "script", "challenge": "challenge"}


class BuildWithRepository(build_py):
    """Copies cmr.yaml and the repository's folders beside the built packages."""

    def run(self) -> None:
        """Build the packages, then place the repository."""
        super().run()
        target = Path(self.build_lib) / PACKAGE
        shutil.rmtree(target, ignore_errors=True)
        for source, name in FOLDERS.items():
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".gitkeep")
                shutil.copytree(ROOT / source, target / name, ignore=ignored)
        shutil.copy2(ROOT / "cmr.yaml", target / "cmr.yaml")
        (target / "__init__.py").write_text('"""The CM repository of mlperf-home: data only."""\n', encoding="utf-8")


setup(
    packages=find_packages("src"),
    package_dir={"": "src"},
    package_data={
        "": [
            "*.json",
            "*.txt",
            "*.in",
            "*.onnx",
            "*.tflite",
            "*.xz",
            "*.typed",
            "*.md",
            "*.bash",
            "*.zsh",
            "*.js",
            "*.css",
            "*.html",
            "*.xml",
            "schemas/*.json",
            "template/*",
        ]
    },
    cmdclass={"build_py": BuildWithRepository},
)
