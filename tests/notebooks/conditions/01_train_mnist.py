# Conditions of lesson 01: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 01-17
image_bytes, answer_bytes = images[0].nbytes, 1
assert image_bytes > 700 * answer_bytes, "an image is not hundreds of times larger than an answer"
assert counts.max() / counts.min() < 1.3, "the digits are not equally frequent"

# %% 01-28
assert chosen < 0.01 * fixed, "an image that was scaled twice is not pale"

# %% 01-33
wrapped = kinds["overflow"] < image
assert wrapped.any(), "no pixel has wrapped around"
assert rows[4]["least"] == "0" and float(rows[4]["most"]) < 0.01, "scaled twice has another range"

# %% 01-37
for x in (x_train, x_valid, x_test):
    assert x.min() == 0, "paper is not 0"
    assert x.max() == 1, "ink is not 1"

# %% 01-40
first = next(iter(make_batches()))[1].numpy()[:12].tolist()
batches = make_batches()
again = next(iter(batches))[1].numpy()[:12].tolist()
second = next(iter(batches))[1].numpy()[:12].tolist()
assert first != second, "the second pass has the order of the first"
assert first == again, "a new pipeline has another order"

# %% 01-47
assert keras.__version__.startswith("2."), "the lesson runs with Keras 3"
assert dense_net.count_params() == by_hand, "other parameters than by hand"

# %% 01-56
lower = dense_history["accuracy"][0] < dense_history["val_accuracy"][0]
assert lower, "in the first epoch training accuracy is not lower than validation accuracy"

# %% 01-57b
assert dense_history["accuracy"][-1] < share_on + 0.003 < share_off, "dropout does not explain most of the gap"

# %% 01-65
for history in (dense_history, conv_history):
    assert history["val_accuracy"][0] < history["val_accuracy"][-1], "validation accuracy does not rise"
    assert history["val_loss"][0] > history["val_loss"][-1], "validation loss does not fall"

# %% 01-67
dense_accuracy, conv_accuracy = (right[name].mean() for name in ("dense", "conv"))
noise = np.sqrt(right["conv"].mean() * (1 - right["conv"].mean()) / len(x_test))
assert dense_accuracy < conv_accuracy, "the smaller network is not more accurate"
assert conv_accuracy - dense_accuracy > 3 * noise, "the difference is within the noise"
assert all(float(row["MNIST"][:5]) > float(row["strangers"][:5]) for row in rows), "strangers cost nothing"

# %% 01-69
assert chance < 1e-6, "chance explains the difference"

# %% 01-77
assert matrix.sum() - np.trace(matrix) == len(wrong), "the matrix counts other mistakes"
assert len(my_wrong) > len(wrong), "the lesson's network makes fewer mistakes than the course's"
assert shared > 1 / 3, "the two models share few mistakes"

# %% 01-103
sample = x_test[:200]
expected = conv_net.predict(sample, verbose=0)
assert np.array_equal(reloaded.predict(sample, verbose=0).argmax(1), expected.argmax(1)), "the file is another model"
