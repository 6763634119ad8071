"""How much an output may differ: what a tag lets through, and what it does not."""

import pytest
from nbformat.v4 import new_output

from tflite_course.authoring.outputs import sanitize
from tflite_course.authoring.tolerance import accept, accept_text, images_of


@pytest.mark.parametrize(
    ("new", "stored", "same"),
    [
        ("99.36%", "99.37%", True),
        ("99.32% (99.10%-99.47%)", "99.37% (99.19%-99.51%)", False),  # the band's end is 9 images away
        ("99.31%", "99.37%", False),
        ("99.4%", "99.3%", True),  # half a digit more than 5 images
        ("changed 12", "changed 7", True),
        ("changed 13", "changed 7", False),
        ("62,713 bytes", "62,712 bytes", False),  # a size is structure
        ("205 kB", "204 kB", True),
        ("52.2 kB", "51.3 kB", True),
        ("52.2 kB", "50.0 kB", False),
        ("205 kB", "205 bytes", False),
        ("error 0.19", "error 0.20", True),
        ("error 0.18", "error 0.20", False),
        ("1.0e-07", "2.0e-07", False),
        ("scale  0.19115,   zero", "scale 0.19114, zero", True),  # columns move with the length of a number
        ("int8 mnist_2", "int8 mnist_3", False),  # a digit in a word is a name
        ("same: True", "same: False", False),
        ("7 and 8", "7", False),
        ("-3", "3", False),
    ],
)
def test_numbers_within_five_images(new, stored, same):
    assert (accept_text(new, stored, 5) == stored) == (same or new == stored)


def test_a_tag_states_the_count():
    assert images_of(["topic-all", "within-20"]) == 20 and images_of(["asserts-2"]) is None
    new, stored = ([new_output("stream", name="stdout", text=f"{n} changed\n")] for n in (8, 7))
    assert accept(new, stored, ["within-1"]) == stored
    assert accept(new, stored, ["within-0"]) == accept(new, stored, []) == new


def test_only_what_is_printed_is_accepted():
    new, stored = ([new_output("stream", name="stderr", text=f"{n} warnings\n")] for n in (8, 7))
    assert accept(new, stored, ["within-5"]) == new


def test_each_of_several_displays_is_compared_with_its_own():
    """A cell shows a guess beside its answer, and a table: both are HTML."""

    def shown(*texts):
        return [new_output("display_data", {"text/html": text, "text/plain": "x"}) for text in texts]

    stored = shown("measured: 22.16", "<td>99.37%</td>")
    assert accept(shown("measured: 22.17", "<td>99.36%</td>"), stored, ["within-1"]) == stored
    wrong = shown("measured: 22.17", "<td>99.30%</td>")
    assert accept(wrong, stored, ["within-1"]) == [stored[0], wrong[1]]
    turned = shown("<td>99.37%</td>", "measured: 22.16")
    assert accept(turned, stored, ["within-1"]) == turned
    more = shown("measured: 22.17", "<td>99.36%</td>", "more")
    assert accept(more, stored, ["within-1"]) == more


def test_times_beside_numbers():
    new, stored = ("3 changed, 5.1 us\n205 kB", "2 changed, 77.0 us\n204 kB")
    outputs = [[new_output("stream", name="stdout", text=text)] for text in (new, stored)]
    assert accept(*outputs, ["within-1"], sanitize)[0]["text"] == stored
    assert accept(*outputs, ["within-0"], sanitize)[0]["text"] == new


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("accuracy: 0.9640 (expected 0.966 ± 0.012)", "accuracy: VALUE (expected 0.966 ± 0.012)"),
        ("moved: -1,234.5 (expected 0 ± 9)", "moved: VALUE (expected 0 ± 9)"),
        ("accuracy: 0.95 is OUTSIDE 0.966 ± 0.012", "accuracy: 0.95 is OUTSIDE 0.966 ± 0.012"),
        ("Processor: AMD EPYC, AVX2, 2 cores", "PROCESSOR"),
        ("<Figure size 640x228 with 1 Axes>", "<Figure with 1 Axes>"),  # a bar for each instruction set
    ],
)
def test_a_value_inside_its_band_is_masked(line, masked):
    assert sanitize(line) == masked
