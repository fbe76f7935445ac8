"""LiteRT: TFLite's successor, with the same interpreter and several times its speed on x86."""

from __future__ import annotations

from mlperf_home.backends import tflite_library
from mlperf_home.backends.tflite import TfliteBackend


class LiteRtBackend(TfliteBackend):
    """What `TfliteBackend` does, with the package ai-edge-litert."""

    package = tflite_library.LITERT
