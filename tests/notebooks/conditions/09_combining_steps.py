# Conditions of what goes deeper than lesson 09: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 09-13
for name in ("conv_1", "conv_2", "conv_3", "logits"):
    share = np.mean(pruned.get_layer(name).get_weights()[0] == 0)
    assert abs(share - 0.8) < 0.01, "the stored weights are not pruned"

# %% 09-18
assert all(row["zeros"] < 0.79 for row in evaluation.weight_structure(plain)), "plain QAT keeps the zeros"

# %% 09-20
assert evaluation.accuracy(pqat, x_test, y_test) > 0.975, "PQAT answers worse"

# %% 09-23
assert np.mean(kernel == 0) > 0.79 and len(np.unique(kernel)) <= 17, "sparse clustering loses zeros or clusters"

# %% 09-24
assert last["zeros"] > 0.79 and last["distinct"] <= 16, "PCQAT loses zeros or clusters"

# %% 09-27
assert abs(accuracy - rows["sparse clustering, int8"]["accuracy"]) < 0.0005, "the stored row does not repeat"

# %% 09s-33
assert back > 2 * gone, "the mixed set breaks as much as it fixes"
