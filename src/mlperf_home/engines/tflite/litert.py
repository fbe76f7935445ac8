"""LiteRT: TFLite's successor, with the same interpreter and several times its speed on x86."""

from __future__ import annotations

from mlperf_home.engines.tflite import library
from mlperf_home.engines.tflite.engine import TfliteBackend


class LiteRtBackend(TfliteBackend):
    """What `TfliteBackend` does, with the package ai-edge-litert."""

    package = library.LITERT
