"""A curve that grows while a model is trained, with the reader's numbers; and one printed line for each epoch."""

import html

import ipywidgets as widgets
from IPython.display import display

from tflite_course.checks import near
from tflite_course.lesson.still import StillBox
from tflite_course.lesson.style import COLOURS

UPDATES = 20  # in an epoch
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 250, 52, 120, 14, 40
LOWEST = 0.8  # of the accuracies that are drawn; what is below stands at the bottom


class TrainingCurve(StillBox):
    """The picture: training accuracy (mean of the epoch so far), and validation accuracy after each epoch.

    training: list of (epochs, accuracy); validation: list of accuracies. sentence: what the picture shows.
    """

    def __init__(self, name):
        self.name, self.epochs, self.training, self.validation = name, 1, [], []
        self.picture = widgets.HTML()
        said = f"The training of {name}: in Jupyter a curve grows here while this cell runs."
        super().__init__([self.picture], still={"text/plain": said, "text/html": f"<p><i>{html.escape(said)}</i></p>"})

    @property
    def sentence(self):
        at = self.training[-1] if self.training else (0, 0)
        said = f"{self.name}, after {at[0]:.2f} of {self.epochs} epochs: training accuracy {at[1]:.3f}"
        return said + (f", validation accuracy {self.validation[-1]:.3f}" if self.validation else "")

    def draw(self):
        """Show what is known now."""
        self.picture.value = _svg(self)


def training_curve(name, *, expected=(), tolerance=0.012):
    """Return a Keras callback that draws the accuracies of a training while it runs, and prints one line an epoch.

    name: of the model; expected: validation accuracy of each epoch, printed beside yours as checks.near does, with
    the tolerance; epochs beyond it are printed alone. `callback.curve` is the picture.
    """
    import tf_keras

    curve = TrainingCurve(name)
    state = {"epoch": 0, "shown": False}

    def begin(logs=None):
        curve.epochs, curve.training, curve.validation = callback.params["epochs"], [], []
        curve.draw()
        display(curve)

    def batch(number, logs=None):
        steps = callback.params["steps"] or 1
        if number % max(1, steps // UPDATES) == 0 or number == steps - 1:
            curve.training.append((state["epoch"] + (number + 1) / steps, logs["accuracy"]))
            curve.draw()

    def end(epoch, logs=None):
        state["epoch"] = epoch + 1
        label = f"epoch {epoch + 1}, validation accuracy"
        value = logs.get("val_accuracy", logs["accuracy"])
        curve.validation.append(value)
        curve.draw()
        if epoch < len(expected):
            near(label, value, expected[epoch], tolerance)
        else:  # longer than expected
            print(f"{label}: {value:.3f}")

    callback = tf_keras.callbacks.LambdaCallback(on_train_begin=begin, on_batch_end=batch, on_epoch_end=end)
    callback.curve = curve
    return callback


def _svg(curve):
    """Return the picture as SVG that takes the colour of the page's text."""

    def x(epochs):
        return LEFT + (WIDTH - LEFT - RIGHT) * epochs / max(curve.epochs, 1)

    def y(accuracy):
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - max(accuracy, LOWEST)) / (1 - LOWEST)

    parts = []
    for accuracy in (0.8, 0.85, 0.9, 0.95, 1.0):
        at = y(accuracy)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="currentColor" opacity=".2"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{accuracy:.2f}</text>')
    for epoch in range(0, curve.epochs + 1, max(1, curve.epochs // 6)):
        parts.append(f'<text x="{x(epoch):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{epoch}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 5}" text-anchor="middle">epochs</text>')
    parts.append(f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">accuracy')
    parts.append("</text>")
    if curve.training:
        line = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in curve.training)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS["orange"]}" stroke-width="2.5"')
        parts.append('stroke-dasharray="6 3"/>')
        parts.append(_label(x(curve.training[-1][0]), y(curve.training[-1][1]) + 16, "training", curve.training[-1][1]))
    for epoch, accuracy in enumerate(curve.validation, 1):
        parts.append(f'<rect x="{x(epoch) - 5:.1f}" y="{y(accuracy) - 5:.1f}" width="10" height="10"')
        parts.append(f'fill="{COLOURS["sky"]}" stroke="currentColor"/>')
    if curve.validation:
        at = len(curve.validation)
        parts.append(_label(x(at), y(curve.validation[-1]), "validation", curve.validation[-1]))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="max-width:{WIDTH}px;width:100%" role="img" '
        f'aria-label="{html.escape(curve.sentence)}" font-size="12" fill="currentColor">{" ".join(parts)}</svg>'
    )


def _label(x, y, name, accuracy):
    return f'<text x="{x + 9:.1f}" y="{y + 4:.1f}">{name} {accuracy:.3f}</text>'
