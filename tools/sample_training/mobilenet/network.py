"""Build MobileNets of depthwise separable convolutions, and convert trained ones to TFLite files.

Source: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (2017), with
fewer blocks.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from sample_training.mobilenet import recipe
from sample_training.mobilenet.preparation import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from sample_training.mobilenet.recipe import Variant

_MOMENTUM = 0.9


def network(variant: Variant, *, exported: bool = False) -> Any:
    """Build a Keras model from (batch, resolution, resolution, 3) float32 to (batch, classes) float32.

    Args:
        variant: the multiplier and the resolution.
        exported: whether the batch is one and the output probabilities, instead of any batch and logits.
    """
    layers = tf.keras.layers
    side = variant.resolution
    images = layers.Input((side, side, 3), batch_size=1 if exported else None)
    flow = layers.Conv2D(variant.channels(recipe.FIRST_CHANNELS), 3, strides=2, padding="same", use_bias=False)(images)
    flow = _normalise(flow)
    for channels, stride in recipe.BLOCKS:
        flow = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(flow)
        flow = _normalise(flow)
        flow = layers.Conv2D(variant.channels(channels), 1, use_bias=False)(flow)
        flow = _normalise(flow)
    flow = layers.GlobalAveragePooling2D()(flow)
    flow = layers.Dense(recipe.CLASS_COUNT)(flow)
    if exported:
        flow = layers.Softmax()(flow)
    return tf.keras.Model(images, flow)


def _normalise(flow: Any) -> Any:
    layers = tf.keras.layers
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=_MOMENTUM)(flow))


def float_bytes(model: Any) -> bytes:
    """Convert to a float32 TFLite file."""
    return _convert(tf.lite.TFLiteConverter.from_keras_model(model))


def int8_bytes(model: Any, representative: NDArray[np.uint8]) -> bytes:
    """Convert to a TFLite file in int8 with uint8 inputs and outputs.

    Args:
        model: a result of `fitting.train`.
        representative: (count, resolution, resolution, 3) images for the ranges of activations.
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
    return _convert(converter)


def _convert(converter: Any) -> bytes:
    # Keras prints every weight that it saves.
    with contextlib.redirect_stdout(io.StringIO()):
        converted: bytes = converter.convert()
    return converted
