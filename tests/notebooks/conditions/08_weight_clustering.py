# Conditions of lesson 08: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 08-07
assert distinct > 0.99 * values.size, "many weights of the shipped model are equal"
assert values.size > model.count_params() / 2, "the other layers have as many weights"

# %% 08-13
assert error(values, moved) < error(values, centroids), "a step of k-means makes the error larger"

# %% 08-15
errors = {steps: error(values, kmeans(values, 4, steps)) for steps in (0, 1, 2, 5, 20)}
assert sorted(errors.values(), reverse=True) == list(errors.values()), "more steps make the error larger"

# %% 08-17
assert len(np.unique(replaced)) == 16, "there are not 16 different values"

# %% 08-20
assert rows[0]["low"] < rows[1]["accuracy"] < rows[0]["high"], "the accuracy leaves the band of the base"
assert rows[0]["bytes"] == rows[1]["bytes"] and rows[1]["gzip"] < rows[0]["gzip"], "the file shrinks, or gzip does not"
assert abs(rows[0]["pens"] - rows[1]["pens"]) < 0.002, "the pens are read in another way"

# %% 08-29
assert entropy < 4, "the entropy is not below the bits of an index"

# %% 08-39
assert ledger["bytes"] == len(base), "the clustered file is not as large as the base"

# %% 08-45
assert len(wrapped_bytes) > 10 * len(clustered_bytes), "the wrappers cost less"
assert steps[1] > 2 * steps[0], "the file that was not stripped does no more work"

# %% 08-103
by_name = {row["name"]: row for row in duel}
assert by_name["16 clusters"]["bytes"] == by_name["control"]["bytes"], "clustering changes the file's size"
assert by_name["16 clusters, int8"]["bytes"] == by_name["control, int8"]["bytes"], "clustering changes the file's size"
for kind in ("control", "control, int8"):
    assert by_name[kind.replace("control", "16 clusters")]["gzip"] < 0.75 * by_name[kind]["gzip"], "gzip gains less"
by_name |= {name.removeprefix("control, "): row for name, row in by_name.items()}
if "int4" in by_name:
    assert by_name["int4"]["bytes"] < 0.6 * by_name["int8"]["bytes"], "4 bits are not smaller"
    assert by_name["4 clusters, int8"]["gzip"] < by_name["int4"]["gzip"], "few clusters gain less than 4 bits"
assert all(row["pens"] < by_name["base"]["pens"] for row in duel if row["name"] != "base"), (
    "plain MNIST is free on pens"
)
assert evaluation.sign_test(*(by_name["16 clusters"][key] for key in ("fixed", "broken"))) > 0.05, "16 clusters matter"
assert duel[-1]["name"] == "4 clusters, int8" and chance[-1] < 0.01, "4 clusters do not matter on MNIST"

# %% 08-53
assert record["settings"]["learning_rate"] == LEARNING_RATE, "the record was made with another rate"
assert record["settings"]["images"] == 6000 and record["settings"]["batch"] == 64, (
    "the record was trained in another way"
)

assert fine[16]["accuracy"] > fine[4]["accuracy"] > fine[2]["accuracy"], "fewer clusters are better"
assert abs(accuracy - fine[16]["accuracy"]) <= 0.002, "the model of section 3 is not that of the record"
assert abs(ledger["gzip"] / fine[16]["gzip"] - 1) <= 0.02, "its gzip is not that of the record"

# %% 08-59
live = evaluation.accuracy(control_bytes, x_test, y_test)
assert abs(live - controls[0]) <= 0.002, "the control is not that of the record"
assert abs(np.mean(controls) - np.mean(clusters16)) < 0.002, "clustering differs from its control"
runs4 = select(group="clusters", init="KMEANS_PLUS_PLUS", clusters=4, tuned=True)
few4 = [run["float32"]["accuracy"] for run in runs4]
spread = {k: max(seeds) - min(seeds) for k, seeds in {4: few4, 16: clusters16, "control": controls}.items()}
assert all(s < 0.005 for s in spread.values()), "the seeds differ by more"
assert max(accuracies := [fine[2]["accuracy"], raw[2]["accuracy"]]) < 0.5, f"two clusters do not fail: {accuracies}"

# %% 08-80
keras_values = [len(np.unique(stripped.get_layer(name).get_weights()[0])) for name in KERNELS]
assert max(keras_values) <= 16 and min(many[1:3]) > 16 >= many[3], (
    "16 clusters are 16 values, or the dense layer has more"
)
assert len(int8_file) == models.model_path("mnist_cnn", "int8").stat().st_size, "clustered int8 has another size"

# %% 08-132
assert models.read_model(folder / "08_clustered_int8.tflite") == int8_file, "another file was written"
