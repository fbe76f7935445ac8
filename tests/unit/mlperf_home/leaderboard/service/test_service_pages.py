"""What a service shows: the site, the state of an upload as a page, its health, its figures, its description."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.leaderboard.service import JudgedUpload, UploadStatus

pytest.importorskip("starlette", reason="Starlette is not installed in this Python")
pytest.importorskip("uvicorn", reason="uvicorn is not installed in this Python")
from board_services import WebBench, digest_of_bytes, web_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"a bundle"
DIGEST = digest_of_bytes(CONTENT)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WebBench]:
    with web_bench(tmp_path) as made:
        yield made


def judge(bench: WebBench, **facts: Any) -> None:
    bench.put(CONTENT)
    with bench.spool.claimed() as path:
        assert path is not None
        fields = {"upload": DIGEST, "bytes": len(CONTENT), "received_utc": "2026-12-01", "ended_utc": "2026-12-01"}
        bench.spool.end(path, JudgedUpload(**{**fields, **facts}))


def test_the_site_is_served_as_it_was_published(bench: WebBench) -> None:
    (bench.site / "index.html").write_text("<h1>The board</h1>")
    (bench.site / "cpu").mkdir()
    (bench.site / "cpu" / "a.html").write_text("<h1>A CPU</h1>")

    first, cpu = bench.get(""), bench.get("cpu/a.html")

    assert (first.status_code, first.text) == (200, "<h1>The board</h1>")
    assert cpu.text == "<h1>A CPU</h1>"
    assert cpu.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in cpu.headers["Content-Security-Policy"]
    assert bench.get("cpu/../../board.json").status_code == 404


def test_an_absent_page_leads_to_the_first_one(bench: WebBench) -> None:
    absent, of_programs = bench.get("result/gone-12345678.html"), bench.get("api/v1/gone")

    assert absent.status_code == 404
    assert "There is no such page" in absent.text
    assert 'href="../"' in absent.text
    assert of_programs.status_code == 404
    assert set(of_programs.json()) == {"error", "advice"}


def test_a_state_is_a_page_and_json(bench: WebBench) -> None:
    bench.put(CONTENT)

    page = bench.get(f"uploads/{DIGEST}")

    assert page.status_code == 200
    assert "waits to be verified" in page.text
    assert "A &lt;board&gt;" in page.text
    assert bench.state(CONTENT)["page"] == f"uploads/{DIGEST}"
    assert bench.get(f"uploads/{'b' * 64}").status_code == 404


def test_reasons_from_outside_are_no_markup(bench: WebBench) -> None:
    judge(bench, state="refused", reason="<script>alert(1)</script> \u202e")

    page = bench.get(f"uploads/{DIGEST}").text

    assert "<script>" not in page
    assert "\u202e" not in page


def test_results_are_linked_once_their_pages_are_there(bench: WebBench) -> None:
    judge(bench, state="taken", bundle="c" * 64, receipt=1, events=3, results=("0123456789abcdef",))

    before = bench.state(CONTENT)
    bench.spool.keep_published(3, "2026-12-01")
    after, page = bench.state(CONTENT), bench.get(f"uploads/{DIGEST}")

    assert (before["state"], before["results"]) == ("taken", [])
    assert after["state"] == "published"
    assert re.fullmatch(r"result/0123456789abcdef-[0-9a-f]{8}\.html", after["results"][0])
    assert f'href="../{after["results"][0]}"' in page.text


def test_health_needs_a_worker(bench: WebBench) -> None:
    well = bench.get("health")
    bench.workers.running = 0
    ill = bench.get("health")

    assert (well.status_code, well.json()) == (200, {"ok": True, "reasons": []})
    assert (ill.status_code, ill.json()["reasons"]) == (503, ["no worker runs"])


def test_a_damaged_file_of_the_board_is_no_traceback(bench: WebBench) -> None:
    judge(bench, state="refused", reason="no bundle")
    (path,) = bench.spool.root.glob("done/*/*.json")
    path.write_text("{")

    answer = bench.get(f"api/v1/uploads/{DIGEST}")

    assert answer.status_code == 500
    assert answer.json()["error"] == "the service failed"
    assert "DocumentError" in str(bench.log)


def test_figures_count_what_happens(bench: WebBench) -> None:
    bench.put(CONTENT)

    text = bench.get("metrics").text

    assert "mlperf_home_board_waiting 1.0" in text
    assert f"mlperf_home_board_received_bytes_total {len(CONTENT)}.0" in text
    assert 'mlperf_home_board_requests_total{kind="api",status="201"} 1.0' in text


def test_the_description_has_examples_that_are_answers(bench: WebBench) -> None:
    described = bench.get("api/v1/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    examples = [
        example["value"]
        for address in described["paths"].values()
        for method in ("get", "put")
        for answer in address.get(method, {}).get("responses", {}).values()
        for example in answer.get("content", {}).get("application/json", {}).get("examples", {}).values()
    ]
    assert {decode(each, UploadStatus, "the example").state for each in examples} == {
        "queued",
        "incomplete",
        "published",
        "refused",
    }
    for address in described["paths"]:
        assert bench.get(address.format(digest=DIGEST).lstrip("/")).headers["Content-Type"]
