# Conditions of what goes deeper than lesson 04: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 04c-29
assert np.array_equal(shift(x_test[:1], 2)[0, :, 2:], x_test[0, :, :26]), "the images are moved in another way"

# %% 04c-30
assert by_shift["augmented"][3] > by_shift["plain"][3], "augmentation does not help at three pixels"
assert all(values[6] < values[0] - 0.15 for values in by_shift.values()), "a model does not mind six pixels"

# %% 04c-13
on_drawings = by_way["as MNIST"]
assert on_drawings["course"] > on_drawings["augmented"], "new data do not help on invented drawings"
for model in MODELS:
    best = max(row[model] for row in rows)
    assert rows[-1][model] == best, "the whole rule is not the best for strangers' digits"
    assert on_drawings[model] == max(row[model] for row in by_way.values()), "nor for invented ones"

# %% 04c-17
assert accuracy_of("course", turned, labels) < 0.6, "turned drawings are read"

# %% 04c-19
assert pad.prediction is None, "a dot is read as a digit"
assert blank[0].argmax() == 1, "the blank page is another digit"

# %% 04c-22
assert box.photo is None, "one of the files was read"

# %% 04c-24
assert len(read) == len(written), "not each digit was found, or more"
assert right >= 0.97 * len(written), "fewer digits survive the way over paper"
