"""The harness keeps every time of a run, in order and in little space."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest
from kept_times import honest, kept, series

from mlperf_home.contracts.codec import parse_document, to_line
from mlperf_home.contracts.runs.latencies import LATENCY_LIMITS, KeptLatencies
from mlperf_home.harness.queries import kept as kept_module
from mlperf_home.harness.queries.kept import KeptQueries, KeptTimes, block_ns_for, buckets
from mlperf_home.latencies.buckets import BUCKETS, WIDTH, bounds_of, bucket_of
from mlperf_home.latencies.series import series_of

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that moves the clock on; each look at it takes no time."""
    now = [1_000_000_000]
    monkeypatch.setattr(kept_module, "perf_counter_ns", lambda: now[0])

    def move(by_ns: int) -> None:
        now[0] += by_ns

    return move


def test_a_document_holds_every_time_in_order() -> None:
    chance = random.Random(3)  # noqa: S311 - a simulation
    durations = [round(10 ** chance.uniform(3, 9)) for _ in range(3000)]
    document = kept(durations)
    again = series_of(parse_document(to_line(document), KeptLatencies, "", LATENCY_LIMITS), "")
    assert again.count == len(durations)
    assert sum(block.sum_ns for block in again.blocks) == sum(durations)
    for share in (0.5, 0.9, 0.99):
        true = sorted(durations)[int(share * len(durations))]
        assert again.histogram.quantile_ns(share) == pytest.approx(true, rel=2 * WIDTH)
    end_s = 0.0
    counted = [0] * len(again.blocks)
    for duration in durations:
        end_s += duration / 1e9
        counted[min(len(counted) - 1, int((end_s - 1e-9) / again.block_s))] += 1
    assert [block.count for block in again.blocks] == counted


@pytest.mark.parametrize("duration_ns", [0, 1, 127, 128, 129, 255, 256, 10**6 + 1, 2**40 - 1, 2**62 + 5, 2**63 - 1])
def test_a_bucket_holds_its_durations(duration_ns: int) -> None:
    bucket = bucket_of(duration_ns)
    least, end = bounds_of(bucket)
    assert least <= duration_ns < end
    assert end - least <= max(1, WIDTH * least)
    assert bucket == buckets(kept_module.np.array([duration_ns]))[0] < BUCKETS


def test_a_run_longer_than_expected_keeps_few_blocks() -> None:
    durations = [50_000_000] * 20_000
    document = kept(durations, expected_s=1.0)
    assert len(document.blocks) <= 1280
    assert document.block_s == 1.0
    assert document.count == 20_000
    assert series_of(document, "").mean_ns == 50_000_000


def test_ten_minutes_of_queries_take_less_than_a_megabyte() -> None:
    chance = kept_module.np.random.default_rng(5)
    times, now_ns = KeptTimes(600.0), 10**9
    # A tenth of the twenty million queries, as spread as all of them.
    for _ in range(200):
        durations = (300_000 * kept_module.np.exp(chance.normal(0, 0.1, 10_000))).astype("int64")
        durations[::50] += chance.exponential(600_000, 200).astype("int64")
        ends = now_ns + durations.cumsum()
        times.keep_all(ends - durations, ends)
        now_ns = int(ends[-1])
    document = times.document()
    assert document is not None
    assert document.count == 2_000_000
    assert document.block_s == 1.0
    assert len(to_line(document)) < 1_000_000


def test_blocks_fit_the_expected_duration() -> None:
    assert block_ns_for(0) == 62_500_000
    assert block_ns_for(600) == 1_000_000_000
    assert block_ns_for(86_400) == 256_000_000_000


def test_periods_begin_with_the_first_completion(clock: Callable[[int], None]) -> None:
    times = KeptTimes()
    for period_ns in (9_000_000, 1000, 2000, 3000):
        clock(period_ns)
        times.complete()
    document = times.document()
    assert document is not None
    assert (document.kind, document.count, document.blocks[0].sum_ns) == ("periods", 3, 6000)


def test_counting_between_queries_loses_none(clock: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_module, "_FULL", 16)
    times = KeptTimes()
    for _ in range(101):
        clock(1000)
        times.complete()
    document = times.document()
    assert document is not None
    assert (document.count, document.blocks[0].sum_ns) == (100, 100_000)


def test_a_query_of_several_samples_ends_with_the_last(clock: Callable[[int], None]) -> None:
    queries = KeptQueries("MultiStream", times := KeptTimes(kind="latencies"))
    issue, respond = queries.issuing(lambda _ids, _indices: None), queries.responding(lambda *_: None)
    for _ in range(2):
        issue([1, 2, 3], [0, 0, 0])
        clock(1000)
        respond([3, 1], None, None)
        clock(500)
        respond([2], None, None)
    document = times.document()
    assert document is not None
    assert (document.count, document.blocks[0].sum_ns) == (2, 3000)


def test_overlapping_samples_have_their_own_times(clock: Callable[[int], None]) -> None:
    queries = KeptQueries("Server", times := KeptTimes(kind="latencies"))
    issue, respond = queries.issuing(lambda _ids, _indices: None), queries.responding(lambda *_: None)
    issue([7], [0])
    clock(1000)
    issue([8], [0])
    clock(100)
    respond([8, 7], None, None)
    document = times.document()
    assert document is not None
    assert (document.count, document.blocks[0].sum_ns) == (2, 1200)


def test_threads_lose_no_completion() -> None:
    queries = KeptQueries("Offline", times := KeptTimes(kind="completions"))
    queries.issuing(lambda _ids, _indices: None)(range(8000), range(8000))
    respond = queries.responding(lambda *_: None)

    def complete() -> None:
        for _ in range(200):
            respond(range(10), None, None)

    threads = [threading.Thread(target=complete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    document = times.document()
    assert document is not None
    assert (document.kind, document.count) == ("completions", 8000)
    assert all(not block.histogram for block in document.blocks)


def test_a_run_without_queries_keeps_nothing() -> None:
    times = KeptTimes()
    assert times.document() is None
    times.complete()  # a single completion has no period
    assert times.document() is None


def test_parts_merge_to_the_same_run() -> None:
    whole = series(honest())
    merged = whole.merged(7)
    assert len(merged.blocks) <= 7
    assert merged.count == whole.count
    assert merged.mean_ns == whole.mean_ns
    assert merged.histogram.counts == whole.histogram.counts
