"""Windows of a motion sensor and the network that reads them; lesson 17 builds all of this step by step."""

import numpy as np

from tflite_course.errors import CourseError

WINDOW, HOP = 128, 32
TEST_PERSONS = (8, 9, 10)  # never trained on, and nothing was chosen by looking at them

# Accelerations follow a mirror, rotations turn against it: so a left arm becomes a right arm.
MIRROR = np.array([-1, 1, 1, 1, -1, -1], np.float32)
# One int8 scale serves all six axes: with radians a second times 0.4 they are of one size, and few exceed LIMIT.
UNITS = np.array([1, 1, 1, 0.4, 0.4, 0.4], np.float32)
LIMIT = 4.0


def prepare_samples(samples, side, *, mirror=True):
    """Return samples, float32 (n, 6) in g and radians a second, as the network takes them: within ±LIMIT.

    side: "left" or "right", the arm that wears the sensor; mirror=False leaves a left arm as it is.
    Raises CourseError for another shape, another side, and numbers that are not finite.
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 2 or samples.shape[1] != 6:
        raise CourseError(f"Samples have the shape (n, 6), these have {samples.shape}: give ax, ay, az, wx, wy, wz.")
    if side not in ("left", "right"):
        raise CourseError(f"The side is {side!r}: say which arm wears the sensor, 'left' or 'right'.")
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples).all(axis=1)))
        raise CourseError(
            f"Sample {first} holds a value that is not a finite number: drop it or repeat the one before."
        )
    if mirror and side == "left":
        samples = samples * MIRROR
    return np.clip(samples * UNITS, -LIMIT, LIMIT)


def cut_windows(recordings, size=WINDOW, hop=HOP, *, mirror=True):
    """Return (windows, exercises, persons) of a list of datasets.Recording, in their order.

    windows: float32 (n, size, 1, 6), one every hop samples; exercises and persons: int64 (n,).
    Raises CourseError when no recording is as long as a window.
    """
    long_enough = [recording for recording in recordings if len(recording.samples) >= size]
    if not long_enough:
        raise CourseError(f"No recording has {size} samples: take shorter windows or longer recordings.")
    parts = []
    for recording in long_enough:
        samples = prepare_samples(recording.samples, recording.side, mirror=mirror)
        parts.append(np.lib.stride_tricks.sliding_window_view(samples, (size, 6))[::hop, 0, :, np.newaxis])
    counts = [len(part) for part in parts]
    exercises = np.repeat([recording.exercise for recording in long_enough], counts)
    return np.concatenate(parts), exercises, np.repeat([recording.person for recording in long_enough], counts)


def vary(recording, rng, *, turn=8, stretch=0.2, gain=0.1):
    """Return a datasets.Recording as another person with another strap might have given it.

    The sensor is turned about a random axis by an angle with the standard deviation turn (degrees), the movement is
    played up to exp(stretch) times faster or slower, and all values are made up to 1 + gain times stronger or weaker.
    """
    from scipy.spatial.transform import Rotation

    axis = rng.normal(size=3)
    angle = np.deg2rad(turn) * rng.normal()
    matrix = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
    samples = np.concatenate([recording.samples[:, :3] @ matrix, recording.samples[:, 3:] @ matrix], axis=1)
    speed = np.exp(rng.uniform(-stretch, stretch))
    places = np.arange(0, len(samples) - 1, speed)
    samples = np.stack([np.interp(places, np.arange(len(samples)), axis) for axis in samples.T], axis=1)
    samples[:, 3:] *= speed  # who moves faster turns faster
    samples *= rng.uniform(1 - gain, 1 + gain)
    return recording._replace(samples=samples.astype(np.float32))


def build_watch(batch_size=None, window=WINDOW):
    """Return the untrained network watch, a tf_keras model.

    Input "window": float32 (batch, window, 1, 6), prepared samples; output "logits": float32 (batch, 7).
    A convolution along time is a Conv2D that is one wide: so the .tflite has no operators that only change shapes.
    """
    import tf_keras as keras

    layers = keras.layers
    body, length = [], window
    for number, (filters, size) in enumerate(((16, 7), (16, 5), (24, 5)), 1):
        body += [
            layers.Conv2D(filters, (size, 1), (2, 1), padding="same", use_bias=False, name=f"conv_{number}"),
            layers.BatchNormalization(momentum=0.9, name=f"norm_{number}"),
            layers.ReLU(name=f"relu_{number}"),
        ]
        length //= 2
    return keras.Sequential(
        [
            layers.Input((window, 1, 6), batch_size=batch_size, name="window"),
            *body,
            layers.AveragePooling2D((length, 1), name="average"),
            layers.Dropout(0.3, name="dropout"),
            layers.Conv2D(7, 1, name="dense"),  # a dense layer, in the arithmetic in which TFLM and LiteRT agree
            layers.Flatten(name="logits"),
        ],
        name="watch",
    )
