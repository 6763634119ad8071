# Conditions of what goes deeper than lesson 07: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 07d-27
assert "UpdatePruningStep" in message, "the message does not name the callback"

# %% 07d-29t
assert mine_accuracy > 0.9, "training brings nothing back"

# %% 07d-32
assert abs(mine_accuracy - accuracies[0]) < 0.004, "the run is far from the stored one"

# %% 07d-37
assert centre > corners, "the corners keep as many weights as the centre"

# %% 07d-41
assert sizes["h5", "wrapped"] > 1.8 * sizes["h5", "stripped"], "the masks are not in the h5 file"
assert sizes["tflite", "wrapped"] > 1.8 * sizes["tflite", "stripped"] == 1.8 * len(dense), "the .tflite does not double"

# %% 07d-44
assert extra > 0, "the wrapped file has no more operators"
assert np.array_equal(*answers), "the wrapped file gives other digits"

# %% 07d-47
assert min(same) > 0.9, "the stored zeros stand elsewhere"

# %% 07d-49
for key in ("bytes", "weights", "activations"):
    assert ledger["dense"][key] == ledger["pruned"][key], "pruning changes a size that is not gzip"
assert ledger["pruned"]["gzip"] < ledger["dense"]["gzip"] / 3, "gzip does not see the zeros"
assert operators(files["dense"]) == operators(files["pruned"]), "the files do other work"

# %% 07d-53
assert "Could not find" in message, "the policy gives another reason"

# %% 07d-56
assert abs(evaluation.accuracy(two_four, x_test, y_test) - stored("2:4", 0.5)[0]["float32"]["accuracy"]) < 0.004, (
    "far from the stored run"
)

# %% 07d-59
assert operators(two_four) == operators(dense), "LiteRT runs 2:4 with other operators"

# %% 07d-61
for name, values in weights_in(files["pruned"]).items():
    if name in PRUNED:
        full = np.mean(np.count_nonzero(values.reshape(-1, 4), axis=1) > 2)
        assert full > 0, "80 % zeros hold the pattern by themselves"

# %% 07d-63
assert "(3, 28, 8)" in message, "the message names another shape"

# %% 07d-66
assert "2-dimensional" in message, "the message says something else about blocks"

# %% 07d-68
assert set(np.unique(kept)) == {0, 4} and np.mean(kept == 0) == 0.75, "blocks are broken, or not three of four are zero"

# %% 07d-70
assert "block_size" in config and "sparsity_m_by_n" not in config, "the wrapper stores another pattern"

# %% 07d-74
others = [name for name in names if name != "DENSIFY"]
assert others == [name for name, _ in operators(files["pruned"])] and names.count("DENSIFY") >= 3, "other operators"
assert np.array_equal(*answers), "the encoded file gives other digits"

# %% 07d-77
assert "failed to delegate" in message, "XNNPACK refuses for another reason"

# %% 07d-78
assert digit == y_test[0], "another digit without XNNPACK"

# %% 07d-82
for name, values in weights_in(entries["pruned, int8"]).items():
    assert name not in PRUNED or np.mean(values == 0) >= 0.7999, "int8 loses zeros"

# %% 07d-86
assert min(table[name]["changed"] for name in ("control", "pruned")) > 0, "training changes no answer"
assert table["pruned, int8"]["gzip"] < table["dense, int8"]["gzip"] / 2, "gzip does not halve"
assert table["control"]["pens"] < table["dense"]["pens"] - 0.002, "the control forgets no pen digits"
assert table["control"]["accuracy"] < table["dense"]["accuracy"], "the recipe costs the control nothing"

# %% 07d-87
for name in ("pruned", "pruned, int8"):
    lost = table[name.replace("pruned", "control")]["accuracy"] - table[name]["accuracy"]
    assert abs(lost) < 0.002, "pruning and its control are not level on MNIST"

# %% 07d-91
assert 100 * gain > max(spread.values()), "the schedules differ by less than the seeds"
lowest = min(row["int8"]["accuracy"] for row in stored("2:4", 0.5))
assert lowest > max(row["int8"]["accuracy"] for row in stored("control", 0.0)), "2:4 is not above its control"

# %% 07d-111
kinds = {kind: seeds for kind, seeds in gentle.groupby("schedule")}
pairs = zip(kinds["by curve"].MNIST, kinds["evenly"].MNIST, strict=True)
assert sum(curve > even for curve, even in pairs) == 2, "the curves are better with another number of seeds"
assert kinds["by curve"].pens.max() < kinds["evenly"].pens.min(), "the curves choose no worse for pens"
assert 0 < kinds["control"].MNIST.mean() - kinds["2:4"].MNIST.mean() < 0.002, "2:4 costs nothing, or much"

# %% 07d-95
assert messages[0].endswith("type: Sequential.") and "Keras 3" in messages[1], "other messages for Keras 3"
