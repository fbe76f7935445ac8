"""Trained networks as TFLite files."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from sample_training.mobilenet.preparation import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


def float_bytes(model: Any) -> bytes:
    """Convert to a float32 TFLite file."""
    return _converted(tf.lite.TFLiteConverter.from_keras_model(model))


def int8_bytes(model: Any, representative: NDArray[np.uint8]) -> bytes:
    """Convert to int8 inside, uint8 outside.

    Args:
        model: as `fitting.fitted` gives it.
        representative: (count, resolution, resolution, 3) images that show the ranges of activations.
    """

    def batches() -> Iterator[list[NDArray[np.float32]]]:
        for index in range(len(representative)):
            yield [scaled(representative[index : index + 1])]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = batches
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    return _converted(converter)


def _converted(converter: Any) -> bytes:
    # Keras prints every weight of what it saves on the way.
    with contextlib.redirect_stdout(io.StringIO()):
        converted: bytes = converter.convert()
    return converted
