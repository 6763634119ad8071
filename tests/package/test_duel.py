"""The stored duel of lesson 09: medians, pairs, and that it is whole."""

import json

import numpy as np
import pytest

from tflite_course.errors import CourseError
from tflite_course.lesson import duel, records

RIGHT = {  # (way, seed): the first so many of ten images are read
    ("large", 1): 9,
    ("large", 2): 8,
    ("designed", 1): 7,
    ("designed", 2): 10,
}


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A record of two ways and two seeds, beside one row of another part."""
    rows, bits = [], []
    for (way, seed), count in [*RIGHT.items(), (("pruned", 1), 0)]:
        row = {"part": "forgetting" if way == "pruned" else "duel", "way": way, "network": "mnist_tiny", "seed": seed}
        row |= {
            "bytes": 100 if way == "large" else 10,
            "gzip": 5,
            "macs": 7,
            "accuracy": count / 10,
            "pens": count / 20,
        }
        rows.append(row | ({"images": "mixed"} if way == "pruned" else {}))
        bits.append(np.packbits(np.arange(10_000) < count))
    (tmp_path / "duel.json").write_text(json.dumps({"rows": rows}))
    pens = np.packbits(np.zeros((len(rows), 7_494), bool), axis=1)
    np.savez(tmp_path / "duel_right.npz", mnist=np.stack(bits), pens=pens)
    for module in (duel, records):
        monkeypatch.setattr(module, "resource", lambda name: tmp_path / name.split("/")[-1])
    return tmp_path


def test_a_part_of_the_record(stored):
    _, rows = duel.read_duel()
    assert [row["name"] for row in rows] == ["large", "large", "designed: mnist_tiny", "designed: mnist_tiny"]
    assert [int(row["right"]["MNIST"].sum()) for row in rows] == list(RIGHT.values())
    assert rows[0]["right"]["pens"].shape == (7_494,)
    assert duel.read_duel("forgetting")[1][0]["name"] == "pruned, mixed"
    with pytest.raises(CourseError, match="no part 'speed': choose from duel, forgetting"):
        duel.read_duel("speed")


def test_medians_and_their_spread(stored):
    large, designed = duel.medians(duel.read_duel()[1])
    assert (large["MNIST"], large["MNIST spread"], large["bytes"]) == (pytest.approx(0.85), (0.8, 0.9), 100)
    assert designed["pens spread"] == (0.35, 0.5)
    assert duel.duel_rows([large])[0]["MNIST (spread)"] == "85.00% (80.00 to 90.00)"
    with pytest.raises(CourseError, match=r"'designed: mnist_tiny' has the seeds \[1\], 'large' has \[1, 2\]"):
        duel.medians(duel.read_duel()[1][:3])


def test_digits_that_only_one_of_two_reads(stored):
    rows = duel.read_duel()[1]
    first, second, *pens = duel.against(rows, "designed: mnist_tiny", "large")
    assert (first["fixed"], first["broken"], first["by chance"]) == (0, 2, 0.5)
    assert (second["fixed"], second["broken"], second["seed"]) == (2, 0, 2)
    assert [row["by chance"] for row in pens] == [1, 1]
    with pytest.raises(CourseError, match="There is no 'tiny' in the duel: choose from large, designed: mnist_tiny"):
        duel.against(rows, "tiny", "large")
    with pytest.raises(CourseError, match="trained with other seeds, so other images: not a control"):
        duel.against(rows[:3], "large", "designed: mnist_tiny")
    rows[0]["right"]["MNIST"] = rows[0]["right"]["MNIST"][:5]
    with pytest.raises(CourseError, match="measured on different MNIST images"):
        duel.against(rows, "large", "designed: mnist_tiny")


def test_the_picture_of_the_spread(stored):
    rows = duel.read_duel()[1]
    figure = duel.draw_spread(rows, ["large"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["MNIST", "pens"]
    with pytest.raises(CourseError, match="There is no 'small' among the rows"):
        duel.draw_spread(rows, ["small"])


@pytest.mark.parametrize(("part", "seeds"), [("duel", 3), ("forgetting", 2), ("temperature", 2)])
def test_the_stored_duel_is_whole(part, seeds):
    """Every way has the same seeds, and each row says how many of its images were right."""
    record, rows = duel.read_duel(part)
    assert len({row["seed"] for row in rows}) >= seeds
    assert {row["seed"] for row in rows} <= set(record["settings"]["seeds"])
    assert duel.medians(rows)
    for row in rows:
        assert row["accuracy"] == pytest.approx(row["right"]["MNIST"].mean())
        assert row["pens"] == pytest.approx(row["right"]["pens"].mean())
