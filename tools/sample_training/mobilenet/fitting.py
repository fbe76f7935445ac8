"""Train one network."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from sample_training.mobilenet import recipe
from sample_training.mobilenet.network import network
from sample_training.mobilenet.preparation import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sample_training.mobilenet.recipe import Variant

_MIRRORINGS = 8


def rate(step: int, steps: int) -> float:
    """Return the learning rate of a step, which rises linearly and then falls to 0 along half a cosine."""
    rise = max(1, round(steps * recipe.WARMUP_SHARE))
    if step < rise:
        return recipe.PEAK_RATE * (step + 1) / rise
    return recipe.PEAK_RATE * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2


def mirror(pixels: NDArray[np.uint8], kinds: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Mirror and transpose square images, which keeps the classes of their figures.

    Args:
        pixels: (batch, side, side, 3).
        kinds: (batch,), from 0 to 7: bits for flipping vertically, flipping horizontally and transposing.
    """
    mirrored = pixels.copy()
    for bit in (1, 2, 4):
        rows = np.flatnonzero(kinds & bit)
        chosen = mirrored[rows]
        mirrored[rows] = {1: chosen[:, ::-1], 2: chosen[:, :, ::-1], 4: chosen.transpose(0, 2, 1, 3)}[bit]
    return mirrored


def train(variant: Variant, pixels: NDArray[np.uint8], labels: NDArray[np.int64], *, seed: int, epochs: int) -> Any:
    """Train a network and return its exportable form.

    Args:
        variant: the network to train.
        pixels: (count, resolution, resolution, 3).
        labels: (count,).
        seed: the seed of the weights and of the images' order.
        epochs: the number of passes over the images.
    """
    tf.keras.utils.set_random_seed(seed)
    order = np.random.default_rng(seed)
    model = network(variant)
    optimiser = tf.keras.optimizers.AdamW(weight_decay=recipe.WEIGHT_DECAY)
    loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.LABEL_SMOOTHING)
    model.compile(optimizer=optimiser, loss=loss, metrics=["accuracy"])
    batches = len(labels) // recipe.BATCH
    targets = np.eye(recipe.CLASS_COUNT, dtype=np.float32)[labels]
    for epoch in range(epochs):
        began_s = time.monotonic()
        shuffled = order.permutation(len(labels))
        for batch in range(batches):
            rows = shuffled[batch * recipe.BATCH : (batch + 1) * recipe.BATCH]
            optimiser.learning_rate.assign(rate(epoch * batches + batch, epochs * batches))
            augmented = mirror(pixels[rows], order.integers(_MIRRORINGS, size=len(rows)))
            metrics = model.train_on_batch(scaled(augmented), targets[rows])
        spent_s = time.monotonic() - began_s
        print(
            f"{variant} epoch {epoch + 1}/{epochs}  loss {metrics[0]:.3f}  right {metrics[1]:.3f}  {spent_s:.0f} s",
            flush=True,
        )
        model.reset_metrics()
    exported = network(variant, exported=True)
    exported.set_weights(model.get_weights())
    return exported
