"""tflite_course.lesson: guesses and what becomes of them, moving pictures, tables, and the style of figures."""

import asyncio
import json
import multiprocessing
import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tflite_course import evaluation, journal, models
from tflite_course.datasets import load_pen_digits
from tflite_course.errors import CourseError
from tflite_course.lesson import (
    COLOURS,
    delete_guesses,
    draw_parts,
    explorables,
    explore,
    guess,
    picture_row,
    reveal,
    show_confusion,
    show_pictures,
    table,
)
from tflite_course.lesson.explorables import Explorable
from tflite_course.lesson.guess_file import (
    check_guess,
    distance,
    keep_guess,
    keep_value,
    parse_number,
    read_guesses,
    worst_guess,
)
from tflite_course.lesson.sliders import Slider
from tflite_course.lesson.stages import draw_inputs, draw_stages, inputs_figure, time_histogram
from tflite_course.lesson.still import VIEW
from tflite_course.lesson.style import label_bars, time_bars

QUESTION = "How many times smaller is int8?"


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """The file of guesses of each test."""
    monkeypatch.setenv("COURSE_GUESSES", str(tmp_path / "work" / "guesses.json"))
    return tmp_path / "work" / "guesses.json"


def shown(capsys, *args, **options):
    """Return (printed line, HTML) of a reveal."""
    found = {}
    import tflite_course.lesson.guesses as module

    original, module.display = module.display, lambda data, raw: found.update(data)
    try:
        reveal(*args, **options)
    finally:
        module.display = original
    question, line = capsys.readouterr().out.strip().rsplit("\n", 1)
    assert question.splitlines()[-1] == (args[0] if isinstance(args[0], str) else args[0].question)
    return "\n".join([*question.splitlines()[:-1], line]), found["text/html"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4),
        (" 3.5 ", 3.5),
        ("3,5", 3.5),
        ("0,125", 0.125),  # no number of thousands begins with 0
        ("-0,125", -0.125),
        ("1,000", 1000),
        ("1,234,567.5", 1234567.5),
        ("50 %", 50),
        ("4x", 4),
        ("4 times", 4),
        ("4 Times", 4),
        ("-0.2", -0.2),
        ("1e3", 1000),
        (7, 7),
        (np.float32(0.5), 0.5),
    ],
)
def test_numbers_as_people_type_them(text, number):
    assert parse_number(text, "times") == number


@pytest.mark.parametrize("text", ["four", "", "nan", "inf", "3 4", "1_000", "4..5", "about 4", None, "1,00,0"])
def test_what_is_not_a_number_gets_one_sentence(text):
    with pytest.raises(CourseError, match=r"^'.*' is not a number: type digits, for example 4 or 0\.5\.$"):
        parse_number(text, "times")


@pytest.mark.parametrize("text", ["1e400", "-1e19", "1" + 24 * "0", "9,999,999,999,999,999,999 times"])
def test_a_number_that_is_too_large_is_named_so(text):
    with pytest.raises(CourseError, match=r"^'.*' is too large to be kept: type a number below 1e18\.$"):
        parse_number(text, "times")


def test_a_guess_is_kept_and_its_answer_stands_beside_it(file, capsys):
    asked = guess(QUESTION, unit="times")
    assert asked.keep("four") is None and not file.exists() and "not a number" in asked.status.value
    asked.field.value = "8"  # as typed
    asked.field.value = "4 times"  # changed
    assert read_guesses() == [{"question": QUESTION, "guess": 4.0, "value": None, "unit": "times"}]
    assert "Kept: 4 times" in asked.status.value
    line, page = shown(capsys, asked, 3.614)
    assert line == "your guess: 4 times; measured: 3.61 times"
    assert page.count("<tr>") == 2 and "width:100%" in page and "width:90%" in page
    assert 'scope="row"' in page and page.count('aria-hidden="true"') == 2  # the bars repeat what the text says
    assert read_guesses()[0]["value"] == 3.614
    asked.field.value = "3.6"  # too late
    assert read_guesses()[0]["guess"] == 4 and "it stays" in asked.status.value
    assert guess(QUESTION, unit="times").field.value == "4"  # the cell is run again
    assert delete_guesses() == 1 and not file.exists() and delete_guesses() == 0


def test_without_a_guess_the_measured_value_stands_alone(file, capsys):
    line, page = shown(capsys, QUESTION, 3.614, unit="times", digits=1)
    assert line == "measured: 3.6 times" and page.count("<tr>") == 1 and not file.exists()


def test_what_a_notebook_stores_does_not_depend_on_the_guess():
    before = guess(QUESTION, unit="times")._repr_mimebundle_()[0]
    keep_guess(QUESTION, 4.0, "times")
    after = guess(QUESTION, unit="times")._repr_mimebundle_()[0]
    assert before.pop(VIEW) != after.pop(VIEW) and before == after
    assert before["text/plain"] == f"Guess: {QUESTION} (times) Run this cell in Jupyter to type a number."


def test_a_measured_value_with_its_band(capsys):
    assert shown(capsys, QUESTION, 0.9, expected=0.91, tolerance=0.02)[0] == "measured: 0.90 (expected 0.91 ± 0.02)"
    assert shown(capsys, QUESTION, 0.8, expected=0.91, tolerance=0.02)[0] == "measured: 0.80 is OUTSIDE 0.91 ± 0.02"
    with pytest.raises(CourseError, match="'nan' is not a number"):
        reveal(QUESTION, float("nan"))


@pytest.mark.parametrize("question", ["", "two\nlines?", 4, "long " * 100])
def test_a_question_is_one_line(question):
    with pytest.raises(CourseError, match="A question is one line of text"):
        guess(question)


def test_a_question_with_tags_is_shown_as_it_is(capsys):
    keep_guess("Is <script> 1 < 2?", 4.0)
    _, page = shown(capsys, "Is <script> 1 < 2?", 3)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<script>" not in guess("Is <script> 1 < 2?")._repr_mimebundle_()[0]["text/html"]


GOOD = {"question": QUESTION, "guess": 4, "value": None, "unit": "times"}


DAMAGED = {
    "empty": b"",
    "half": b"{",
    "a list": b"[]",
    "no list": b'{"guesses": 3}',
    "numbers": b'{"guesses": [3]}',
    "no text": b"\xff\xfe\x00",
    "deep": b"[" * 5000,
    "no fields": b'{"guesses": [{}]}',
}
DAMAGED |= {
    f"{key} is {value!r}": json.dumps({"guesses": [GOOD | {key: value}]}).encode()
    for key, value in (("guess", "4"), ("guess", 1e400), ("unit", 3), ("question", "a\nb"))
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_set_aside_and_nothing_is_lost(file, content, capsys):
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(CourseError, match=r"^guesses\.json cannot be read \(.*\): rename it to keep it"):
        read_guesses()
    asked = guess(QUESTION)  # the cell runs
    assert asked.keep("4") == 4
    assert "guesses.json was damaged" in asked.status.value and "kept as guesses_damaged_1.json" in asked.status.value
    assert file.with_name("guesses_damaged_1.json").read_bytes() == content
    file.write_bytes(content)
    line, _ = shown(capsys, QUESTION, 3)
    assert line.startswith("guesses.json was damaged") and line.endswith("measured: 3.00")
    assert file.with_name("guesses_damaged_2.json").read_bytes() == content


def test_a_folder_that_cannot_be_written(file):
    file.parent.write_text("not a folder")
    asked = guess(QUESTION)
    assert asked.keep("4") is None and "cannot be written" in asked.status.value


def write_many(path, name):
    os.environ["COURSE_GUESSES"] = path
    for i in range(20):
        keep_guess(f"{name} {i}?", float(i))


def test_two_notebooks_at_once(file):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(str(file), name)) for name in ("first", "second")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {entry["question"] for entry in read_guesses()} == {
        f"{n} {i}?" for n in ("first", "second") for i in range(20)
    }


def test_the_worst_guess():
    def entry(guess, value):
        return GOOD | {"guess": guess, "value": value, "question": f"{guess} {value}?"}

    assert distance(entry(4, 2)) == distance(entry(2, 4)) == 2 and distance(entry(-1, 1)) == 3
    assert distance(entry(0, 0)) == 1 and distance(entry(5, None)) == 0
    found = [entry(4, 2), entry(1, 30), entry(5, 5), entry(1000, None)]
    assert worst_guess(found)["value"] == 30
    assert worst_guess(found[3:]) is worst_guess([]) is None


def test_what_was_handed_in_is_checked():
    assert check_guess(GOOD | {"more": "x"}) == GOOD
    for wrong in (None, 3, GOOD | {"guess": True}, GOOD | {"question": "a\nb"}, GOOD | {"value": float("nan")}, {}):
        with pytest.raises(ValueError, match="a guess"):
            check_guess(wrong)


def test_the_journal_quotes_the_worst_guess_and_carries_all(tmp_path, monkeypatch, file):
    monkeypatch.chdir(tmp_path)
    assert journal.evidence_table().quoted_guess() == []
    for question, number, value in ((QUESTION, 4.0, 3.6), ("How many points | does it cost?", 10.0, 0.1)):
        keep_guess(question, number, "points" if "points" in question else "times")
        keep_value(question, value)
    found = journal.evidence_table()
    sentence = "Furthest off of 2 guesses: How many points | does it cost? You said 10 points, it was 0.1 points."
    assert sentence in str(found) and sentence in found.html()
    carried = found._repr_mimebundle_()[journal.MIME]["guesses"]
    assert (
        carried == journal.guesses()
        and [set(entry) for entry in carried] == [{"question", "guess", "value", "unit"}] * 2
    )
    texts = dict.fromkeys(journal.SECTIONS, "text")
    page = journal.to_markdown(texts, [], title="Journal", guessed=carried)
    assert f"| {QUESTION} | 4 | 3.6 | times |" in page and r"points \| does" in page
    assert journal.split_markdown(page) == texts
    file.write_text("{")
    assert journal.guesses() == []


def curve(bits, shift=0):
    """A picture for explore(): powers of two."""
    figure, axes = plt.subplots()
    axes.plot([2**b + shift for b in range(bits)])
    curve.calls += 1
    return figure, f"{2**bits} levels, shift {shift}"


def test_explore_draws_each_position_once(monkeypatch):
    curve.calls = 0
    box = explore(curve, bits=[2, 4, 8], shift={"start": 1, "values": range(3)})
    assert box.values == {"bits": 2, "shift": 1} and box.sentence == "4 levels, shift 1" and curve.calls == 1
    monkeypatch.setattr(explorables, "_newest", {"curve": box})
    assert explorables.draw_all() == 9 == curve.calls
    for bits in (8, 2, 8, 2):
        box.sliders["bits"].value = bits
    assert curve.calls == 9 and box.sentence == "4 levels, shift 1"
    assert 'alt="4 levels, shift 1"' in box.picture.value and 'role="status"' in box.status.value
    data, metadata = box._repr_mimebundle_()
    assert data["text/plain"] == "Figure: 4 levels, shift 1" == repr(box) and VIEW in data
    assert metadata["image/png"]["alt"] == "4 levels, shift 1" and len(data["image/png"]) > 1000
    assert plt.get_fignums() == []


class Shell:
    """Stands for the kernel's shell: it tells when a cell ends."""

    def __init__(self):
        self.events, self.registered = self, []

    def register(self, event, function):
        if event == "post_run_cell" and function not in self.registered:  # matplotlib asks for another event
            self.registered.append(function)


@pytest.fixture
def idle(monkeypatch):
    """A kernel: idle(make) makes boxes in an event loop and waits for 2 s, or until until() holds, at most 20 s.

    cells: how many cells end meanwhile, one each 50 ms.
    """
    shell = Shell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr(explorables, "PAUSE", 0.2)
    monkeypatch.setattr(explorables, "_newest", {})

    def wait(make, until=None, cells=0):
        async def run():
            box = make()
            for turn in range(400 if until else 40):
                if until and until():
                    break
                if turn < cells:
                    shell.registered[0](None)
                await asyncio.sleep(0.05)
            return box

        return asyncio.run(run())

    return wait


def test_a_kernel_without_work_draws_the_other_positions(idle):
    curve.calls = 0
    box = idle(lambda: explore(curve, bits=[2, 4, 8]), lambda: curve.calls == 3)
    assert curve.calls == 3
    box.sliders["bits"].value = 8
    assert curve.calls == 3 and box.sentence == "256 levels, shift 0"


def test_a_real_kernel_draws_ahead_and_prints_nothing_more():
    source = """from tflite_course.lesson import explore
import matplotlib.pyplot as plt
def draw(bits):
    print("drawn")
    return plt.figure(), f"{bits}"
box = explore(draw, bits=[2, 4, 8])"""
    count = "print(len(box._drawn))"
    notebook = new_notebook(cells=[new_code_cell(text) for text in (source, count, count)])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    with client.setup_kernel():
        for number, cell in enumerate(notebook.cells[:2]):
            client.execute_cell(cell, number)
        for _ in range(20):  # a busy machine draws later; each question is a cell, behind which it waits again
            time.sleep(4)
            client.execute_cell(notebook.cells[2], 2)
            if notebook.cells[2].outputs[0].text == "3\n":
                break
    assert [cell.outputs[0].text for cell in notebook.cells] == ["drawn\n", "1\n", "3\n"]


def test_while_cells_run_nothing_is_drawn_ahead(idle):
    curve.calls = 0
    idle(lambda: explore(curve, bits=[2, 4, 8]), cells=40)
    assert curve.calls == 1


def test_a_cell_that_runs_again_leaves_its_old_figure(idle):
    curve.calls = 0
    idle(lambda: [explore(curve, bits=[2, 4, 8]) for _ in range(3)])
    assert curve.calls == 2 + 3


def test_a_position_that_cannot_be_drawn_stops_no_other(idle):
    drawn = []

    def draw(bits):
        drawn.append(bits)
        return plt.figure(), f"{1 / bits}"

    idle(lambda: explore(draw, bits=[1, 0, 2]), lambda: len(drawn) == 3)
    assert drawn == [1, 0, 2]
    plt.close("all")


def test_many_positions_are_drawn_when_they_are_needed(idle):
    curve.calls = 0
    box = idle(lambda: explore(curve, bits=range(1, 5), shift=range(20)))
    assert curve.calls == 1
    box.sliders["shift"].value = 3
    box.sliders["shift"].value = 0
    assert curve.calls == 2


def test_a_position_that_cannot_be_drawn_is_named():
    def draw(bits):
        if bits == 0:
            raise ZeroDivisionError("no bits")
        return plt.figure(), "fine"

    box = explore(draw, bits=[1, 0])
    box.sliders["bits"].value = 0
    assert "cannot be drawn, ZeroDivisionError: no bits" in box.status.value and box.picture.value == ""
    box.sliders["bits"].value = 1
    assert "fine" in box.status.value
    plt.close("all")


@pytest.mark.parametrize(
    ("sliders", "message"),
    [
        ({}, "needs a slider"),
        ({"bits": [1]}, "'bits' has 1 values: give it at least two"),
        ({"bits": range(50), "shift": range(50)}, "2,500 positions together: 2,000 are the most"),
    ],
)
def test_sliders_that_do_not_fit(sliders, message):
    with pytest.raises(CourseError, match=message):
        explore(curve, **sliders)


@pytest.mark.parametrize("result", [None, "text", (3, "text"), (plt, ""), ()])
def test_a_draw_function_that_returns_something_else(result):
    with pytest.raises(CourseError, match="must return two things: a matplotlib figure and a sentence"):
        explore(lambda bits: result, bits=[1, 2])


def test_a_slider_says_its_values_and_takes_no_other():
    slider = Slider("learning_rate", [0.1, 1000, "many"], start=1000)
    assert slider.labels == ["0.1", "1,000", "many"] and slider.description == "learning rate"
    assert (slider.index, slider.value) == (1, 1000)
    slider.index = 2  # as from the browser
    assert slider.value == "many"
    with pytest.raises(CourseError, match="'learning_rate' has no 7: choose one of 0.1, 1,000, many"):
        slider.value = 7
    assert slider.value == "many" and repr(slider) == "Slider('learning_rate')"
    with pytest.raises(CourseError, match="'bits' has no 3"):
        explore(curve, bits={"start": 3, "values": [1, 2]})


ROWS = [{"model": "float32", "bytes": 222932, "loss": 0.123456}, {"model": "<b>int8", "bytes": 62712, "loss": 0.2}]


def test_a_table():
    found = table(ROWS, mark="<b>int8", caption="Sizes", formats={"loss": "{:.1%}"})
    assert str(found).splitlines() == [
        "Sizes",
        "model        bytes   loss",
        "float32    222,932  12.3%",
        "▶ <b>int8   62,712  20.0%",
    ]
    page = found._repr_html_()
    assert "<b>" not in page and "▶ &lt;b&gt;int8" in page and "<caption>Sizes</caption>" in page
    assert page == table(ROWS, mark="<b>int8", caption="Sizes", formats={"loss": "{:.1%}"})._repr_html_()
    assert found.frame.loc[0, "bytes"] == 222932
    assert page.count("text-align: right") == 2 and page.count("text-align: left") == 1
    assert table(ROWS[:1])._repr_html_().split("T_")[1][:10] != page.split("T_")[1][:10]  # styles do not mix


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "no rows for a table"),
        (ROWS, {"mark": "mine"}, "no row 'mine' to mark: the rows are float32"),
        (ROWS, {"formats": {"size": "{}"}}, "no column 'size': the columns are model, bytes, loss"),
    ],
)
def test_tables_that_cannot_be(rows, options, message):
    with pytest.raises(CourseError, match=message):
        table(rows, **options)


def test_the_comparison_as_a_table():
    images, labels = load_pen_digits()
    files = {name: models.model_path("mnist_cnn", name) for name in ("float32", "int8")}
    rows = evaluation.compare(files, images[:100], labels[:100], timed=False)
    found = evaluation.comparison_table(rows, as_table=True, mark="int8")
    assert found.frame["bytes"].tolist() == [row["bytes"] for row in rows] and "▶ int8" in str(found)
    assert all(f"{row['accuracy']:.2%}" in str(found) for row in rows)
    timed = [row | {"p50": p50, "p95": 2.0} for row, p50 in zip(rows, (1.25, 111.5), strict=True)]
    lines = str(evaluation.comparison_table(timed, as_table=True)).splitlines()
    assert lines[0].startswith("Processor: ") and lines[2].endswith("  1.2 us / 2.0 us")
    assert lines[3].index("111.5 us") == lines[2].index("1.2 us")  # a time changes no other column's width


def test_a_row_of_pictures_says_what_it_shows(capsys):
    pictures = {"one": np.eye(3), "two": np.zeros((4, 2))}
    figure = picture_row(pictures)
    assert [ax.get_title(loc="center") for ax in figure.axes] == ["one", "two"]
    assert [ax.images[0].get_array().shape for ax in figure.axes] == [(3, 3), (4, 2)]
    show_pictures(pictures, "a cross.")
    assert capsys.readouterr().out == "Figure: a cross.\n"
    plt.close("all")
    with pytest.raises(CourseError, match="no pictures to show"):
        picture_row({})


def test_a_matrix_shows_each_number_that_is_not_zero():
    matrix = np.array([[0, 12], [3, 0]])
    show_confusion(matrix, rows="drawn", columns="read")
    [ax] = plt.gcf().axes
    found = {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in ax.texts}
    assert {place: text.get_text() for place, text in found.items()} == {(0, 1): "12", (1, 0): "3"}
    assert found[0, 1].get_color() == "white" and found[1, 0].get_color() == "black"
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("drawn", "read")
    plt.close("all")


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two):
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", ["blue", "vermillion", "green", "grey"])
@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_colours_of_bars_and_lines_stand_out_on_light_and_dark(colour, ground):
    assert contrast(COLOURS[colour], ground) >= 3


def test_the_style_counts_inside_its_context_alone():
    from tflite_course.lesson import course_style

    before = dict(plt.rcParams)
    with course_style():
        figure, axes = plt.subplots()
        bars = axes.barh(["a", "b"], [1, 2])
        label_bars(axes, ["one", "two"])
        assert [text.get_text() for text in axes.texts] == ["one", "two"] and len(bars) == 2
        assert tuple(figure.get_size_inches()) == (6.4, 3.0) and not axes.spines["top"].get_visible()
        assert axes.lines == [] or axes.plot([1])[0].get_color() == COLOURS["blue"]
    plt.close(figure)
    assert {key: value for key, value in plt.rcParams.items() if before[key] != value} == {}


def test_an_explorable_is_a_widget():
    curve.calls = 0
    assert isinstance(explore(curve, bits=[1, 2]), Explorable)


def test_times_are_written_beside_their_bars():
    for log in (False, True):
        figure = time_bars({"fast": np.arange(1, 101) / 20, "slow": 1200.0}, title="a machine", log=log)
        axes = figure.axes[0]
        assert [bar.get_width() for bar in axes.patches] == pytest.approx([2.525, 1200])
        assert [text.get_text() for text in axes.texts] == ["2.5  (p95 4.8)", "1,200"]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["fast", "slow"]
        assert "microseconds" in axes.get_xlabel() and ("log" in axes.get_xlabel()) == log
        assert axes.get_title(loc="left") == "a machine" and axes.get_xlim()[1] > 1200
        plt.close(figure)


def test_stages_of_a_prediction():
    logits = np.arange(10.0) - 4
    figure = draw_stages(np.zeros((28, 28)), logits, np.full(10, 0.1) + 0.2 * (np.arange(10) == 9))
    image, middle, right = figure.axes
    assert image.images[0].get_array().shape == (28, 28)
    assert [bar.get_height() for bar in middle.patches] == list(logits)
    assert right.patches[9].get_height() == pytest.approx(0.3) and right.get_ylim() == (0, 1)
    assert right.patches[9].get_facecolor() != right.patches[0].get_facecolor()
    plt.close(figure)


def test_a_wrong_answer_is_marked_by_a_word_and_a_colour():
    images = {name: np.full((28, 28), k / 4) for k, name in enumerate("abcde")}
    figure = draw_inputs(images, {"a": 7, "b": 1, "c": 7, "d": 7, "e": 7}, 7)
    titles = [axes.title for axes in figure.axes if axes.images]
    assert [title.get_text() for title in titles] == [
        *("a\nsays 7, right", "b\nsays 1, WRONG", "c\nsays 7, right", "d\nsays 7, right", "e\nsays 7, right")
    ]
    assert titles[1].get_color() == COLOURS["vermillion"] and titles[0].get_color() == COLOURS["black"]
    assert {axes.images[0].get_clim() for axes in figure.axes if axes.images} == {(0, 1)}  # one scale for all
    plt.close(figure)


def test_inputs_under_a_slider():
    images = {"right way": np.zeros((2, 28, 28)), "wrong way": np.ones((2, 28, 28))}
    shown = explore(
        inputs_figure(images, {"right way": np.array([3, 4]), "wrong way": np.array([8, 8])}, [3, 4]), image=[0, 1]
    )
    assert shown.sentence == "a 3 as the model sees it, and its answer: right way 3, wrong way 8"
    shown.sliders["image"].value = 1
    assert shown.sentence == "a 4 as the model sees it, and its answer: right way 4, wrong way 8"


def test_a_histogram_of_times_names_its_lines():
    figure = time_histogram(np.arange(1.0, 1001.0), "a machine")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [" p50 500 ", " p95 950 "]
    assert sum(bar.get_height() for bar in axes.patches) == 990 and "microseconds" in axes.get_xlabel()
    plt.close(figure)


def test_parts_of_a_whole_add_up():
    figure = draw_parts({"a": {"x": 1, "y": 3}, "b": {"x": 19, "y": 1}}, "share (%)")
    (axes,) = figure.axes
    assert [[bar.get_width() for bar in bars] for bars in axes.containers] == [[25, 95], [75, 5]]
    assert [text.get_text() for text in axes.texts] == ["25 %", "95 %", "75 %", ""]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["x", "y"]
