"""make outputs: outputs of one run in a whole notebook, and no times of a busy machine."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tflite_course.authoring import outputs as store_outputs
from tflite_course.authoring.outputs import BusyMachine, is_unsteady, keep_what_is_the_same


def notebook(*texts, tags=(), picture=None):
    """Return a notebook with one cell for each text that it prints; the last one shows a picture, too."""
    cells = [new_code_cell("x", id=f"c{i}", outputs=[new_output("stream", text=t)]) for i, t in enumerate(texts)]
    for cell in cells:
        cell.metadata.tags = list(tags)
    if picture:
        cells[-1].outputs.append(new_output("display_data", {"image/png": picture, "text/plain": "<Figure>"}))
    return new_notebook(cells=cells)


def printed(book):
    return [cell.outputs[0].text for cell in book.cells]


def test_times_that_agree_stay_all_together():
    new = notebook("p50 9 us", "plain", "again 9 us", picture="new")
    keep_what_is_the_same(new, notebook("p50 5 us", "plain", "again 5 us", picture="old"), busy=False)
    assert printed(new) == ["p50 5 us", "plain", "again 5 us"] and new.cells[2].outputs[1].data["image/png"] == "old"


def test_one_cell_that_differs_takes_all_times_from_the_new_run():
    """Text, picture and the cells that quote a time must be of one run."""
    new = notebook("p50 9 us", "kernels 3", "again 9 us, 3 kernels", picture="new")
    keep_what_is_the_same(new, notebook("p50 5 us", "kernels 2", "again 5 us, 2 kernels", picture="old"), busy=False)
    assert printed(new) == ["p50 9 us", "kernels 3", "again 9 us, 3 kernels"]
    assert new.cells[2].outputs[1].data["image/png"] == "new"


def test_a_picture_is_of_the_run_whose_numbers_another_cell_prints():
    """The line below a picture may say the same when the table above it, which does not vary, says something else."""
    for stored, expected in (("right: 99.1%", "old"), ("right: 98.5%", "new")):
        new = notebook("right: 99.1%", "Figure: shares", picture="new")
        keep_what_is_the_same(new, notebook(stored, "Figure: shares", picture="old"), busy=False)
        assert new.cells[1].outputs[1].data["image/png"] == expected


@pytest.mark.parametrize("busy, expected", [(False, ["7 us", "3.0"]), (True, ["5 us", "2.0"])])
def test_a_ratio_belongs_to_the_times_it_was_made_of(busy, expected):
    new, old = notebook("3 kernels\n7 us", "ratio of times: 3.0"), notebook("2 kernels\n5 us", "ratio of times: 2.0")
    keep_what_is_the_same(new, old, busy=busy)
    assert printed(new) == [f"3 kernels\n{expected[0]}", f"ratio of times: {expected[1]}"]


def test_a_ratio_that_differs_alone_stays():
    new = notebook("5 us", "ratio of times: 3.0")
    keep_what_is_the_same(new, notebook("5 us", "ratio of times: 2.0"), busy=False)
    assert printed(new) == ["5 us", "ratio of times: 2.0"]


def test_numbers_within_the_tolerance_stay():
    new, old = notebook("7 changed", tags=["within-1"]), notebook("8 changed", tags=["within-1"])
    keep_what_is_the_same(new, old, busy=False)
    assert printed(new) == ["8 changed"]
    new = notebook("4 changed", tags=["within-1"])
    keep_what_is_the_same(new, old, busy=False)
    assert printed(new) == ["4 changed"]


def test_a_busy_machine_keeps_the_stored_times_and_stores_the_rest():
    new = notebook("size 3\np50 99 us\n", "size 3 99 us", tags=["within-0"])
    keep_what_is_the_same(new, notebook("size 2\np50 5 us\n", "size 3 5 us", tags=["within-0"]), busy=True)
    assert printed(new) == ["size 3\np50 5 us\n", "size 3 5 us"]


def test_a_picture_of_times_is_of_the_run_that_printed_the_times():
    """The bars of one cell, the numbers of another: both stay, or both are new."""
    for stored, busy, expected in (
        ("p50 5 us", False, "old"),
        ("p50 5 us, p95 6 us", False, "new"),
        ("p50 5 us", True, "old"),
    ):
        books = [notebook("p50 9 us", "Figure: times", picture="new"), notebook(stored, "Figure: times", picture="old")]
        for book in books:
            book.cells[1].source = "plt.xlabel('microseconds')"
        keep_what_is_the_same(*books, busy=busy)
        assert books[0].cells[1].outputs[1].data["image/png"] == expected
    books[0].cells[1].outputs[1].data["image/png"] = "new"
    books[0].cells[1].source += "  # drawn in another way"
    with pytest.raises(BusyMachine, match="the picture of cell c1"):
        keep_what_is_the_same(*books, busy=True)


@pytest.mark.parametrize("picture", [None, "new"])
def test_a_new_time_of_a_busy_machine_is_refused(picture):
    new = notebook("plain", "first call 99 us" if not picture else "size 3\np50 9 us", picture=picture)
    old = notebook("plain", "p50 5 us" if not picture else "size 2\np50 5 us", picture=picture and "old")
    with pytest.raises(BusyMachine, match="99 us" if not picture else "the picture of cell c1"):
        keep_what_is_the_same(new, old, busy=True)


@pytest.mark.parametrize(
    ("text", "unsteady"),
    [
        ("XNNPACK: p50 70 us, p95 122 us", False),
        ("reference: p50 1,200 us, p95 3,601 us", True),
        ("float32  56.6 us / 58.9 us", False),
        ("float32  56.6 us / 558.9 us", True),
        ("server: p50 1.2 ms, p95 3.7 ms", True),
        ("7 us for each image", False),
    ],
)
def test_a_latency_is_unsteady_when_p95_is_over_three_times_p50(text, unsteady):
    assert is_unsteady(notebook(text)) == unsteady


def test_the_tag_of_the_stored_cell_counts():
    new, old = notebook("7 changed"), notebook("8 changed", tags=["within-1"])
    assert store_outputs.agrees(new.cells[0], old.cells[0])
    assert not store_outputs.agrees(old.cells[0], new.cells[0])


def test_a_refused_notebook_is_not_written(tmp_path, monkeypatch, capsys):
    path = tmp_path / "times.ipynb"
    nbformat.write(notebook("p50 5 us"), path)
    before = path.read_bytes()

    def execute(book, folder):
        book.cells[0].outputs = [new_output("stream", text="first call 99 us")]

    monkeypatch.setattr(store_outputs, "execute", execute)
    monkeypatch.setattr(store_outputs, "is_busy", lambda: True)
    assert store_outputs.store(path) is False and path.read_bytes() == before
    assert capsys.readouterr().out.startswith("times.ipynb keeps its stored outputs: the machine is busy")
    monkeypatch.setattr(store_outputs, "is_busy", lambda: False)
    assert store_outputs.store(path) is True and "99 us" in path.read_text(encoding="utf-8")


def test_a_shaken_run_is_never_stored(monkeypatch):
    monkeypatch.setenv("COURSE_SHAKE", "1")
    monkeypatch.setattr("sys.argv", ["store_outputs.py"])
    with pytest.raises(SystemExit, match="never stored"):
        store_outputs.main()


NOTEBOOKS = sorted((Path(store_outputs.ROOT) / "notebooks").glob("0*.ipynb"))
NOTEBOOKS += sorted((Path(store_outputs.ROOT) / "notebooks" / "deeper").glob("0*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_times_are_of_a_quiet_machine_that_is_named(path):
    book = nbformat.read(path, as_version=4)
    assert not is_unsteady(book)
    texts = [o.get("text", "") for c in book.cells if c.cell_type == "code" for o in c.outputs]
    if any(re.search(r"\d us\b", text) for text in texts):
        assert any("Processor: " in text for text in texts), "print the processor with the times"


def test_a_rule_for_a_line_reaches_no_other_output():
    """`Source: ...` is masked to the end of its line; an error behind it is still seen."""
    said = {"output_type": "stream", "name": "stdout", "text": "Source: executed now\n"}
    error = {"output_type": "error", "ename": "AssertionError", "evalue": "", "traceback": []}
    assert store_outputs.compared_text([said]) == store_outputs.compared_text(
        [said | {"text": "Source: stored results\n"}]
    )
    assert store_outputs.compared_text([said, error]) != store_outputs.compared_text([said])
