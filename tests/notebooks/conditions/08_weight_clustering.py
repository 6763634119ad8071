# Conditions of lesson 08: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 08-07
assert distinct > 0.99 * values.size, "many weights of the shipped model are equal"

# %% 08-13
assert error(values, moved) < error(values, centroids), "a step of k-means makes the error larger"

# %% 08-15
assert sorted(errors.values(), reverse=True) == list(errors.values()), "more steps make the error larger"

# %% 08-17
assert len(np.unique(replaced)) == 16, "there are not 16 different values"

# %% 08-20
assert rows[0]["low"] < rows[1]["accuracy"] < rows[0]["high"], "the accuracy leaves the band of the base"

# %% 08-27
assert rows[0]["bytes"] == rows[1]["bytes"] and rows[1]["gzip"] < rows[0]["gzip"], "the file shrinks, or gzip does not"

# %% 08-29
assert entropy < 4, "the entropy is not below the bits of an index"

# %% 08-36
assert (start != end).any(), "no centroid moved"

# %% 08-39
assert ledger["bytes"] == len(base), "the clustered file is not as large as the base"

# %% 08-41
assert np.abs(end - start).max() < 0.02, "a centroid moved far"

# %% 08-43
assert len(victim.get_weights()) == before - len(KERNELS), "the model that was handed over is not taken apart"

# %% 08-45
assert len(wrapped_bytes) > 10 * len(clustered_bytes), "the wrappers cost less"
assert steps[1] > 2 * steps[0], "the file that was not stripped does no more work"

# %% 08-49
assert min(by_start, key=by_start.get) == "k-means by hand", "a start of TFMOT is better than k-means"

# %% 08-52
assert record["settings"]["learning_rate"] == LEARNING_RATE, "the record was made with another rate"

# %% 08-54
assert fine[16]["accuracy"] > fine[4]["accuracy"] > fine[2]["accuracy"], "fewer clusters are better"

# %% 08-58
assert all(s < 0.005 for s in spread.values()), "the seeds differ by more"

# %% 08-61
assert not behind.any(), "the layer is not dead"

# %% 08-63
linear = select(group="clusters", clusters=2, init="LINEAR")[0]["float32"]["accuracy"]
assert linear > fine[2]["accuracy"] + 0.3, "another start is no better"

# %% 08-65
assert all(kept), "training moved batch normalization"
assert np.array_equal(*calls), "dropout draws in the wrapped model"

# %% 08-68
assert abs(np.mean(controls) - np.mean(clusters16)) < 0.002, "clustering differs from its control"

# %% 08-73
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
by_name = {row["name"]: row for row in compared + more}
for kind in ("float32", "int8"):
    assert by_name[f"clustered {kind}"]["bytes"] == by_name[kind]["bytes"], "clustering changes the file's size"
    assert by_name[f"clustered {kind}"]["gzip"] < 0.75 * by_name[kind]["gzip"], "gzip gains less"
if "int4" in by_name:
    assert by_name["int4"]["bytes"] < 0.6 * by_name["int8"]["bytes"], "4 bits are not smaller"

# %% 08-105
for kind in ("float32", "int8"):
    assert memory[kind] == memory[f"clustered {kind}"], "clustering changes the memory"
    shapes = [[array.shape for array, _ in kernels(table[name])] for name in (kind, f"clustered {kind}")]
    assert shapes[0] == shapes[1], "clustering changes the number of multiplications"

# %% 08-109
assert lost[("conv_1",)] > 20 * lost[("logits",)], "the smallest layer does not cost most"

# %% 08-112
assert sizes[0] > 100 and max(sizes[1:]) == 4, "conv_1 is clustered, or another layer is not"

# %% 08-115
for layer in small.layers:
    if layer.get_weights() and layer.get_weights()[0].ndim > 1:
        different = len(np.unique(layer.get_weights()[0]))
        assert (different > 16) == layer.name.startswith("depthwise"), "TFMOT clusters depthwise kernels"

# %% 08-117
assert price["depthwise"] > 2 * price["1 x 1"], "depthwise kernels are as cheap to cluster"

# %% 08-119
assert ds_loss > cnn_loss, "the small network loses no more"

# %% 08-122
assert result is None, "a Keras 3 model is not silently refused"

# %% 08-127
assert result is None, "bytes are not silently refused"

# %% 08-132
assert models.read_model(folder / "08_clustered_int8.tflite") == cured, "another file was written"
