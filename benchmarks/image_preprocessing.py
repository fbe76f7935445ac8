"""Compare the preprocessing of photographs with a plain Pillow loop, and estimate the time for 50,000 images.

Run `python benchmarks/image_preprocessing.py [--images DIR]` with OpenCV and Pillow installed. Without --images it uses
generated JPEGs of about ImageNet's mean size. It exits with 1 if all processes together are slower than three quarters
of a Pillow loop on each processor.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image
from rounds import Goal, WayComparison, load_before, report
from work_folder import work_folder

from mlperf_home.datasets.imagenet.preprocessing import ImageFolder, preprocess
from mlperf_home.datasets.imagenet.recipes import MLPERF, MOBILENET, PUBLISHED, find_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SIDE, _ALL = 224, 50_000
_PILLOW, _PILLOW_ALL = "Pillow loop, one process", "Pillow loop x processors"
_WAYS = {"ours, mlperf-v3.1, all processes": MLPERF, "ours, published, all processes": PUBLISHED}


def main() -> int:
    """Compare the recipes with Pillow; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="a folder of ILSVRC2012_val_*.JPEG with val_map.txt")
    parser.add_argument("--count", type=int, default=600, help="the number of generated images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    load, folder = load_before(), work_folder()
    images = options.images or _generated(folder / "images", options.count)
    paths, workers = sorted(images.glob("*.JPEG")), len(os.sched_getaffinity(0))
    comparison = WayComparison("images/s")
    ways: dict[str, Callable[[], float]] = {_PILLOW: lambda: _pillow(paths)}
    ways |= {name: _ours(images, recipe, folder, len(paths), workers) for name, recipe in _WAYS.items()}
    comparison.run(ways, options.rounds)
    comparison.figures[_PILLOW_ALL] = [rate * workers for rate in comparison.figures[_PILLOW]]
    goals = (Goal("ours, mlperf-v3.1 / Pillow x processors", next(iter(_WAYS)), (_PILLOW_ALL,), 0.75),)
    reached = report(
        comparison, goals, {"load_before": load, "images": len(paths), "processors": workers}, options.json
    )
    for name in _WAYS:
        print(f"{name}: {_ALL:,} images take about {_ALL / min(comparison.figures[name]):.0f} s at {_SIDE} x {_SIDE}")
    print(f"memory: {_peak_mb():.0f} MB in the largest process, for {len(paths)} images")
    shutil.rmtree(folder)
    return 0 if reached else 1


def _ours(images: Path, recipe: str, folder: Path, count: int, workers: int) -> Callable[[], float]:
    def run() -> float:
        out = folder / f"out-{recipe}"
        shutil.rmtree(out, ignore_errors=True)
        request = ImageFolder(
            images, images, None, find_recipe(recipe, MOBILENET, _SIDE), out, folder / "partial", workers
        )
        started = time.perf_counter()
        preprocess(request, lambda _done, _total: None)
        return count / (time.perf_counter() - started)

    return run


def _pillow(paths: Sequence[Path]) -> float:
    """Apply MLPerf's recipe in a plain loop and return images per second."""
    images = np.empty((len(paths), _SIDE, _SIDE, 3), np.uint8)
    started = time.perf_counter()
    for row, path in enumerate(paths):
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        scale = _SIDE / 0.875 / min(picture.size)
        width, height = (round(side * scale) for side in picture.size)
        left, top = (width - _SIDE) // 2, (height - _SIDE) // 2
        resized = picture.resize((width, height), Image.Resampling.BILINEAR)
        images[row] = np.asarray(resized.crop((left, top, left + _SIDE, top + _SIDE)))
    return len(paths) / (time.perf_counter() - started)


def _generated(folder: Path, count: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    packed = []
    for _ in range(50):
        grain = random.integers(0, 256, (60, 75, 3), dtype=np.uint8)
        _, content = cv2.imencode(".jpg", cv2.resize(grain, (500, 400), interpolation=cv2.INTER_CUBIC))
        packed.append(bytes(content.tobytes()))
    lines = []
    for number in range(1, count + 1):
        name = f"ILSVRC2012_val_{number:08d}.JPEG"
        (folder / name).write_bytes(packed[number % len(packed)])
        lines.append(f"{name} {number % 1000}\n")
    (folder / "val_map.txt").write_text("".join(lines))
    return folder


def _peak_mb() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


if __name__ == "__main__":
    sys.exit(main())
