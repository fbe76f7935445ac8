"""MobileNet: depthwise separable convolutions.

Source: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications" (2017), with fewer blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from sample_training.mobilenet import recipe

if TYPE_CHECKING:
    from sample_training.mobilenet.recipe import Variant

_MOMENTUM = 0.9


def network(variant: Variant, *, exported: bool = False) -> Any:
    """Build a Keras model from (batch, resolution, resolution, 3) float32 to (batch, classes) float32.

    Args:
        variant: multiplier and resolution.
        exported: a batch of one and probabilities, instead of any batch and logits.
    """
    layers = tf.keras.layers
    side = variant.resolution
    given = layers.Input((side, side, 3), batch_size=1 if exported else None)
    flow = layers.Conv2D(variant.channels(recipe.FIRST_CHANNELS), 3, strides=2, padding="same", use_bias=False)(given)
    flow = _normalised(flow)
    for channels, stride in recipe.BLOCKS:
        flow = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(flow)
        flow = _normalised(flow)
        flow = layers.Conv2D(variant.channels(channels), 1, use_bias=False)(flow)
        flow = _normalised(flow)
    flow = layers.GlobalAveragePooling2D()(flow)
    flow = layers.Dense(recipe.CLASS_COUNT)(flow)
    if exported:
        flow = layers.Softmax()(flow)
    return tf.keras.Model(given, flow)


def _normalised(flow: Any) -> Any:
    layers = tf.keras.layers
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=_MOMENTUM)(flow))
