"""Publish a large made-up board: the first time, again without a change, and after one new bundle.

Each bundle is a machine with 81 models. Prints seconds, files and bytes; with --browser, also the time until the first
page is usable in Chromium, read from the page's own clock.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.leaderboard.events import Receipt, VerdictLine
from mlperf_home.contracts.leaderboard.judging import Judgement
from mlperf_home.contracts.leaderboard.results import BoardResult, MachineClass
from mlperf_home.leaderboard.published_rows import rows_beside
from mlperf_home.leaderboard.site.publish import publish
from mlperf_home.leaderboard.site.site_data import site_data
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.published.classifiers import read_classifiers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STATES = ("replicated", "consistent", "plausible", "disputed")
_CHALLENGE = "run-mlperf@home-v3.1-cpu"


def receipt(number: int) -> Receipt:
    """Return the receipt of a made-up bundle."""
    utc = "2026-12-01T00:00:00+00:00"
    digest = f"{number:064x}"
    return Receipt(
        number=number, batch=number, bundle=digest, archive=digest, taken_utc=utc, made_utc=utc, challenge=_CHALLENGE,
        key=f"SHA256:{number // 3:043}", contributor=f"{number // 3:064x}", results=81,
    )  # fmt: skip


def rows_of(cpus: int) -> Callable[[Receipt], list[BoardResult]]:
    """Return the function that makes the results of a bundle, on one of `cpus` CPUs."""
    models = [row for row in read_classifiers() if not row.sample]

    def make(taken: Receipt) -> list[BoardResult]:
        chance = random.Random(taken.number)  # noqa: S311 - made-up values
        cpu = taken.number % cpus
        of = MachineClass(cpu=f"CPU {cpu}", cores=4 + cpu % 60, runtime="litert", version="2.3.0", threads=1)
        rows = []
        for place, model in enumerate(models):
            time_ms = (1 + place) * (1 + cpu % 17) * chance.lognormvariate(0, 0.03) / 10
            metrics = {
                "latency_ms": time_ms, "low_latency_ms": time_ms * 0.98, "high_latency_ms": time_ms * 1.03,
                "top1_percent": 50 + place / 4, "peak_memory_bytes": 1e6 * (40 + place), "run_s": 600.0,
            }  # fmt: skip
            rows.append(BoardResult(
                id=f"{taken.number:08x}{place:08x}", kind="measured", bundle=taken.bundle, receipt=taken.number,
                batch=taken.batch, path=f"results/mobilenets-tflite/{place}", key=taken.key,
                contributor=taken.contributor, machine=f"{taken.number:016x}", of=of, round="v3.1",
                benchmark="resnet", scenario="SingleStream", model=model.model, sample=False, validity="VALID",
                official=True, made_utc=taken.made_utc, metrics=metrics, origins=dict.fromkeys(metrics, "measured"),
                logs=(f"{taken.number:032x}{place:032x}",),
            ))  # fmt: skip
        return rows

    return make


def judged(rows: Sequence[BoardResult]) -> list[VerdictLine]:
    """Return made-up verdicts."""
    lines = []
    for number, each in enumerate(rows):
        state: Any = _STATES[number % 4]
        reasons = ("0.98 times the predicted latency; 90 % of honest ones lie within 1.16",)
        lines.append(VerdictLine(
            judgement=Judgement(result=each.id, state=state, reasons=reasons, wanted=number % 7 == 0,
                                credited=number % 4 < 2),
            utc="2026-12-01T00:00:00+00:00", events=1,
        ))  # fmt: skip
    return lines


def take(board: Board, index: BoardIndex, receipts: Sequence[Receipt], make: Any) -> None:
    """Take bundles with their verdicts."""
    for each in receipts:
        board.object(each.bundle).parent.mkdir(parents=True, exist_ok=True)
        board.object(each.bundle).write_bytes(b"")
    board.journal.append(receipts)
    board.verdicts.add([line for each in receipts for line in judged(make(each))])
    index.catch_up()


def timed(words: str, board: Board, index: BoardIndex, out: Path) -> None:
    """Publish, and print how long it took."""
    start, worked = time.perf_counter(), time.process_time()
    data = site_data(board, index, rows_beside(sample=False))
    read = time.perf_counter()
    written = publish(board, data, out)
    end = time.perf_counter()
    print(f"{words}: {end - start:.1f} s ({read - start:.1f} s reading; {time.process_time() - worked:.1f} s of CPU), "
          f"{written.files} files, {written.changed} changed")  # fmt: skip


def first_page_s(out: Path, choices: int) -> float:
    """Return the seconds until the first page is usable."""
    from selenium import webdriver  # noqa: PLC0415 - only with --browser

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        times: list[float] = []
        for _ in range(5):
            driver.get((out.resolve() / "index.html").as_uri())
            times.append(driver.execute_script("return performance.getEntriesByName('interactive')[0].startTime"))
        words = driver.find_element("id", "shown").text
        print(f"first page: {words} ({choices} in all), usable after {sorted(times)[2]:.0f} ms (median of 5)")
        return sorted(times)[2] / 1000
    finally:
        driver.quit()


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=1000)
    parser.add_argument("--cpus", type=int, default=125, help="CPUs with 81 models each: 125 are 10,125 choices")
    parser.add_argument("--browser", action="store_true", help="also open the first page in Chromium")
    parser.add_argument("--out", type=Path, default=None, help="keep the pages in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        board, make = Board(Path(name) / "board"), rows_of(options.cpus)
        board.folder.mkdir()
        board.create(sample=False)
        out = options.out or Path(name) / "site"
        with closing(BoardIndex(board, make)) as index:
            take(board, index, [receipt(number) for number in range(1, options.bundles + 1)], make)
            timed("first time", board, index, out)
            timed("again", board, index, out)
            take(board, index, [receipt(options.bundles + 1)], make)
            timed("after one bundle more", board, index, out)
        files = [path for path in out.rglob("*") if path.is_file()]
        print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.0f} MB; "
              f"index.html {(out / 'index.html').stat().st_size / 1e3:.0f} kB")  # fmt: skip
        if options.browser:
            first_page_s(out, options.cpus * 81)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
