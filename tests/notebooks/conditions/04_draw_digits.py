# Conditions of lesson 04: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 04-06
assert pad.preprocess == "only made small" and pad.ways == ["centred", "only made small"], "the pad has no switch"

# %% 04-08
assert rows[0]["only made small"] != digit and rows[0]["centred"] == digit, "centring does not help the plain model"
assert rows[1]["centred"] == digit, "the course model misreads the drawing"

# %% 04-18
assert abs(image.sum(axis=1) @ np.arange(28) / image.sum() - 14) <= 0.51, "the centre of mass is not in the middle"

# %% 04-22
assert best == 9, "the drawing is not read as the 9 that it is"

# %% 04-27
assert np.abs(centre.mean(axis=0) - 14).max() < 0.05, "the images of MNIST are not centred"
assert full > 9950, "the digits of MNIST are not 20 pixels long"

# %% 04-42
assert gain > 0.2, "centring is worth less than 20 points"
assert change["fixed"] > 20 * change["broken"], "centring breaks too many digits"

# %% 04-48
assert wrong.sum() == (guesses != pen_labels).sum() and not np.diag(wrong).any(), "the matrix counts other mistakes"

# %% 04-53
import hashlib
import json

from tflite_course.resources import resource

record = json.loads(resource("assets/models/pen_digits.json").read_text(encoding="utf-8"))
for file in MODELS.values():
    assert hashlib.sha256(model_path(file).read_bytes()).hexdigest() == record["models"][file]["sha256"], (
        "the record of pen digits is of another model"
    )
plain_pen, augmented_pen, course_pen = (row["pens"] for row in rows)
centring = by_way["centred"]["plain"] - by_way["only made small"]["plain"]
assert course_pen >= 0.97, "the course model reads fewer digits of strangers"
assert centring > course_pen - augmented_pen > augmented_pen - plain_pen > 0, (
    "centring, data, augmentation: another order"
)
assert max(row["by chance"] for row in rows[1:]) < 0.001, "a step may be chance"

# %% 04-80
assert [digit for digit, _ in painted.answers] == [pen.label for pen in pens[4:1000:100]], "the photo is misread"
assert any("upright" in note for note in photo.notes), "the photo was not turned"

# %% 04-71
assert 0.2 < above < 0.6, "another share of the non-digits gets a probability above 0.99"

# %% 04-88
_, gone, refused = refuse(0.02, scores["logit"])
assert abs(gone.mean() - 0.02) < 0.006, "another share of the second half of the digits is lost"
assert refused.sum() > rows[0]["others refused"] + 40, "the logit is no better than the probability"

# %% 04-95
assert (np.array(list(passed.values())) > 27).any(), "no shape passes nearly always"

# %% 04-90
assert careful(canvas).argmax() == 9, "the careful pad refuses a digit"
