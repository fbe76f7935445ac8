"""The sample's stand-in for ResNet-50, which only classifies the sample's own images.

It has the interface of MLPerf's reference in ONNX, with smaller images and far fewer weights, those of a MobileNet of
the sample. sample.json holds its provenance; `sample_training.resnet50` makes it.
"""

from __future__ import annotations

from pathlib import Path

NAME = "sample-resnet50"
MODEL = Path(__file__).parent / f"{NAME}.onnx"
