# Conditions of what goes deeper in lesson 08: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 08-73
rows = select(group="clusters", clusters=16, init="KMEANS_PLUS_PLUS", tuned=True, seed=1)
fine = {row["clusters"]: row["float32"] for row in rows}
assert abs(share - fine[16]["accuracy"]) < 0.0005, "the stored model is not that of the record"

# %% 08-76
assert len(int8_file) == models.model_path("mnist_cnn", "int8").stat().st_size, "clustered int8 has another size"

# %% 08-80
assert min(counted[:3]) > 16 and set(largest) == {127}, "16 clusters are 16 values, or the dense layer has more scales"

# %% 08-82
assert counted_float[3] == 16 and min(counted_float[:3]) > 16, "folding does not multiply the values"

# %% 08-85
same = np.allclose(np.moveaxis(folded, -1, 0), kernels(float_file)[1][0], rtol=1e-5)
assert same, "the folded kernel is not what the file stores"

# %% 08-87
assert counted_tensor[3] <= 16 < min(counted_tensor[:3]), "the switch alone brings 16 values"

# %% 08-90
assert difference < 1e-3, "the folded model answers in another way"

# %% 08-92
assert max(counted_cured) <= 16, "folded first, there are more than 16 values"

# %% 08-95
variant = {row["kind"]: row for row in select(group="variants", clusters=16)}
plainly, first, channels = (variant[kind] for kind in variant)
assert first["int8, per tensor"]["gzip"] < plainly["int8"]["gzip"] < plainly["int8, per tensor"]["gzip"], (
    "another order of the downloads"
)
assert channels["int8"]["gzip"] > plainly["int8"]["gzip"], "a codebook for each channel costs no bytes"

# %% 08-97
assert type(result).__name__ == "Conv2D", "the layer was wrapped"

# %% 08-99
assert wrapper.cluster_centroids["kernel"].shape == (64, 16), "not one codebook for each channel"

# %% 08-103
by_name = {row["name"]: row for row in compared}
for kind in ("float32", "int8"):
    assert by_name[f"clustered {kind}"]["bytes"] == by_name[kind]["bytes"], "clustering changes the file's size"
    assert by_name[f"clustered {kind}"]["gzip"] < 0.75 * by_name[kind]["gzip"], "gzip gains less"

# %% 08-105
for kind in ("float32", "int8"):
    assert memory[kind] == memory[f"clustered {kind}"], "clustering changes the memory"
    shapes = [[array.shape for array, _ in kernels(table_of[name])] for name in (kind, f"clustered {kind}")]
    assert shapes[0] == shapes[1], "clustering changes the number of multiplications"

# %% 08-132
assert models.read_model(folder / "08_sixteen_values.tflite") == cured, "another file was written"
