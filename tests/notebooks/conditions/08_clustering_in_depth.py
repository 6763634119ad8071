# Conditions of what goes deeper in lesson 08: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 08d-07
assert record["settings"]["learning_rate"] == 1e-4, "the record was made with another rate"

# %% 08-43
assert len(victim.get_weights()) == before - len(KERNELS), "the model that was handed over is not taken apart"

# %% 08-36
assert (start != end).any(), "no centroid moved"

# %% 08-41
assert np.abs(end - start).max() < 0.02, "a centroid moved far"

# %% 08-65
assert all(kept), "training moved batch normalization"
assert np.array_equal(*calls), "dropout draws in the wrapped model"

# %% 08-49
assert min(by_start, key=by_start.get) == "k-means by hand", "a start of TFMOT is better than k-means"

# %% 08-61
assert 0 < np.mean(behind != 0) < 0.1, "the layer is dead, or alive"

# %% 08-63
rows = select(group="clusters", clusters=2, init="KMEANS_PLUS_PLUS", tuned=True)
fine = {row["clusters"]: row["float32"] for row in rows}
linear = select(group="clusters", clusters=2, init="LINEAR")[0]["float32"]["accuracy"]
assert linear > fine[2]["accuracy"] + 0.1 and fine[2]["accuracy"] < 0.5, "another start is no better"

# %% 08-109
assert max(lost, key=lost.get) == ("conv_2",) and min(lost, key=lost.get) == ("logits",), (
    "other layers cost most or least"
)

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

# %% 08d-121
named = {row["layer"]: row["clustered"] for row in rows}
assert named["DepthwiseConv2D"] == "nothing" and named["Embedding"] == "embeddings", "TFMOT's list has changed"

# %% 08-122
assert result is None, "a Keras 3 model is not silently refused"

# %% 08-127
assert result is None, "bytes are not silently refused"
