"""Make the small pictures of README's table: one of each lesson, out of what its cells have stored.

python -m tflite_course.authoring lesson_pictures
"""

import base64
import io
import json

import nbformat
from PIL import Image

from tflite_course.authoring import ROOT
from tflite_course.errors import CourseError
from tflite_course.lesson.style import COLOURS, course_style

FOLDER = ROOT / "assets" / "figures" / "lessons"
SIZE = (220, 130)  # pixels, the most; README shows half of it
SHOWN = {  # the cell whose picture stands for its lesson
    "01_train_mnist": "01-70b",
    "02_convert": "02-46",
    "03_run_the_interpreter": "03-105",
    "04_draw_digits": "04-06",
    "05_post_training_quantization": "05-91",
    "06_quantization_aware_training": "06-69",
    "07_pruning": "07-35",
    "08_weight_clustering": "08-59",
    "09_combine_and_redesign": "09-82",
    "11_browser": "11-38",
    "12_microcontroller": "12-71",
    "13_android_ios_and_core_ml": "13-62",
    "14_server_or_edge": "14-94",
    "15_federated_learning": "15-48",
    "16_transfer_learning": "16-21",
    "17_sensors_and_gestures": "17-92",
}


def stored_picture(lesson, cell_id):
    """Return the first picture that a cell of a lesson has stored. Raises CourseError when there is none."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if cell.id == cell_id else []:
            if "image/png" in output.get("data", {}):
                return Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    raise CourseError(f"Cell {cell_id} of {lesson} has no picture: name another one in SHOWN.")


def memory_picture():
    """Return the picture of lesson 10, which draws none: the memory of a process with LiteRT and with TensorFlow."""
    import matplotlib.pyplot as plt

    record = json.loads((ROOT / "assets" / "targets" / "linux.json").read_text(encoding="utf-8"))
    memory = {name: row["memory"] for name, row in record["environments"].items()}
    file = io.BytesIO()
    with course_style():
        figure, axes = plt.subplots(figsize=(4.4, 2.2))
        bars = axes.barh(list(memory), list(memory.values()), color=COLOURS["blue"])
        axes.bar_label(bars, [f"{value:.0f} MB" for value in memory.values()], padding=3)
        axes.set(xticks=[], xlim=(0, 1.3 * max(memory.values())))
        figure.savefig(file, format="png", bbox_inches="tight")
        plt.close(figure)
    return Image.open(file)


def small(picture):
    """Return a picture on white, at most SIZE, in 64 colours: some kilobytes as a file."""
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("RGB")
    picture.thumbnail(SIZE, Image.Resampling.LANCZOS)
    return picture.quantize(64)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    pictures = {lesson: stored_picture(lesson, cell_id) for lesson, cell_id in SHOWN.items()}
    for lesson, picture in (pictures | {"10_linux_and_raspberry_pi": memory_picture()}).items():
        small(picture).save(FOLDER / f"{lesson}.png", optimize=True)
    print(f"{len(pictures) + 1} pictures in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
