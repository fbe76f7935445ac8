"""A seeded generator of images of ten figures: the sample for image classification.

Each image shows one of ten figures, of any size, place, turn and colour, somewhat squashed, on a
shaded or striped ground, among odd shapes, behind a line or two, and in noise. Some can hardly be
told: small models make mistakes, larger ones fewer. Sizes differ and some images are grey, as in
real collections. Everything is whole numbers: the same pixels on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.samples.images.figures import (
    CLASSES,
    FIGURES,
    OPAQUE,
    RADIUS,
    TURN,
    UNITS,
    Draws,
    blended,
    fill,
    placed,
    polar,
    regular,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.samples.images.figures import Contour

    Range = tuple[int, int]

SEED = 20231117
# MLPerf keeps 1,024 images loaded in a performance run.
IMAGES = 1200
# Sides of the images, in pixels.
SHORTEST, LONGEST = 112, 152
# The last number of a seed's key: labels are drawn apart from pixels.
_LABELS, _PIXELS = 0, 1
_LARGEST = 255


class SampleImage(NamedTuple):
    """One image: (height, width, 3) uint8, RGB, and the number of its class in `CLASSES`."""

    pixels: NDArray[np.uint8]
    label: int


def label_of(seed: int, index: int) -> int:
    """Return an image's class: each ten images, from a multiple of ten on, show all ten."""
    block, place = divmod(index, len(CLASSES))
    return Draws(seed, block, _LABELS).shuffled(range(len(CLASSES)))[place]


def make_image(seed: int, index: int) -> SampleImage:
    """Make one image, whatever others are made; `seed` and `index` are 0 or more."""
    label = label_of(seed, index)
    draws = Draws(seed, index, _PIXELS)
    height, width = draws.between(SHORTEST, LONGEST), draws.between(SHORTEST, LONGEST)
    pixels = _ground(draws, height, width)
    ground = pixels.mean(axis=(0, 1), dtype=np.int64).astype(np.int32)
    for _ in range(draws.between(0, 9)):
        shape = _strewn(draws, pixels, _odd_shape(draws), radius=(3, 10), squash=(50, 100))
        fill(pixels, [shape], _colour(draws), draws.between(OPAQUE // 3, OPAQUE))
    _paint_figure(draws, pixels, label, ground)
    for _ in range(draws.between(0, 3)):
        # A square, squashed to a thin and long line.
        line = _strewn(draws, pixels, regular(4), radius=(30, 90), squash=(2, 6), turn=TURN // 8)
        fill(pixels, [line], _colour(draws), draws.between(OPAQUE // 2, OPAQUE))
    if draws.chance(30):
        pixels = _blurred(pixels)
    _add_noise(draws, pixels)
    if draws.chance(3):
        pixels[:] = (pixels[..., :1] * 77 + pixels[..., 1:2] * 150 + pixels[..., 2:] * 29) >> 8
    return SampleImage(np.clip(pixels, 0, _LARGEST).astype(np.uint8), label)


def _colour(draws: Draws) -> NDArray[np.int32]:
    return draws.octets(3).astype(np.int32)


def _ground(draws: Draws, height: int, width: int) -> NDArray[np.int32]:
    """Make a shaded ground around one colour, often with stripes."""
    base, spread = _colour(draws), draws.between(10, 120)
    corners = base + (draws.octets(2, 2, 3).astype(np.int32) - 128) * spread // 256
    pixels = blended(np.clip(corners, 0, _LARGEST), height, width)
    if draws.chance(50):
        across, down, period = draws.between(-4, 4), draws.between(1, 4), draws.between(12, 60)
        rows, columns = np.arange(height, dtype=np.int32), np.arange(width, dtype=np.int32)
        striped = (rows[:, None] * down + columns * across) % period < period // 2
        pixels += striped[..., None] * np.int32(draws.between(-40, 40))
    return np.clip(pixels, 0, _LARGEST)


def _paint_figure(draws: Draws, pixels: NDArray[np.int32], label: int, ground: NDArray[np.int32]) -> None:
    """Paint the class's figure in a colour that differs from the ground's by some amount at least."""
    height, width = pixels.shape[:2]
    contrast = draws.between(70, 300)
    colour = _colour(draws)
    while int(np.abs(colour - ground).sum()) < contrast:
        contrast -= 1
        colour = _colour(draws)
    short = min(height, width) * UNITS
    radius = short * draws.between(11, 36) // 100
    room = max(short * 42 // 100 - radius, short // 25)
    centre = width * UNITS // 2 + draws.between(-room, room), height * UNITS // 2 + draws.between(-room, room)
    turn, squash = draws.below(TURN), (draws.below(TURN), draws.between(72, 100))
    contours = FIGURES[CLASSES[label]](draws)
    shaded = colour + (draws.octets(2, 2, 3).astype(np.int32) - 128) * draws.between(0, 60) // 256
    paint = blended(np.clip(shaded, 0, _LARGEST), height, width)
    figure = [placed(each, centre=centre, radius=radius, turn=turn, squash=squash) for each in contours]
    fill(pixels, figure, paint, draws.between(OPAQUE * 3 // 4, OPAQUE))


def _odd_shape(draws: Draws) -> Contour:
    """Make a polygon of three to seven corners at uneven distances."""
    corners = draws.between(3, 7)
    radii = draws.octets(corners).astype(np.int64) * RADIUS // 512 + RADIUS // 2
    return polar(radii, np.arange(corners, dtype=np.int64) * TURN // corners)


def _strewn(
    draws: Draws,
    pixels: NDArray[np.int32],
    contour: Contour,
    *,
    radius: Range,
    squash: Range,
    turn: int | None = None,
) -> Contour:
    """Place a contour anywhere; `radius`, of the shorter side, and `squash` are hundredths, from and to."""
    height, width = pixels.shape[:2]
    return placed(
        contour,
        centre=(draws.below(width * UNITS), draws.below(height * UNITS)),
        radius=min(height, width) * UNITS * draws.between(*radius) // 100,
        turn=draws.below(TURN) if turn is None else turn,
        squash=(draws.below(TURN), draws.between(*squash)),
    )


def _blurred(pixels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return each pixel the mean of the three by three around it."""
    wide = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = wide[:-2] + wide[1:-1] + wide[2:]
    mean: NDArray[np.int32] = (down[:, :-2] + down[:, 1:-1] + down[:, 2:]) // 9
    return mean


def _add_noise(draws: Draws, pixels: NDArray[np.int32]) -> None:
    """Add noise of the mean of two draws for each value, up to a strength of the image's own."""
    strength = draws.between(4, 120)
    noise = draws.octets(2, *pixels.shape).astype(np.int32)
    pixels += (noise[0] + noise[1] - _LARGEST) * strength >> 8
