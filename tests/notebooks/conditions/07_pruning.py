# Conditions of lesson 07: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 07-09
assert kernels["logits"].size > total / 2 > 100 * kernels["conv_1"].size, "the weights stand in other layers"

# %% 07-12
assert len(dense) == models.model_path("mnist_cnn").stat().st_size, "the file is not as large as the shipped one"

# %% 07-13
assert alone["conv_1"] < 0.5 < alone["conv_2"] < alone["conv_3"] < alone["logits"], "other layers are sensitive"
assert by_hand_accuracy < alone["conv_2"], "three layers together lose no more than one"

# %% 07-21
assert updates(plain) == {} and 0.79 < max(updates(late).values()) < 0.8, "the silent mistakes are not made"

# %% 07-27
assert "UpdatePruningStep" in message, "the message does not name the callback"

# %% 07-29
assert mine_accuracy > by_hand_accuracy, "training brings nothing back"

# %% 07-32
assert abs(mine_accuracy - accuracies[0]) < 0.004, "the run is far from the stored one"

# %% 07-35
assert np.median(np.abs(after[after != 0])) > 2 * np.median(np.abs(before)), "the small weights are not gone"

# %% 07-37
assert centre > corners, "the corners keep as many weights as the centre"

# %% 07-41
assert sizes["h5", "wrapped"] > 1.8 * sizes["h5", "stripped"], "the masks are not in the h5 file"
assert sizes["tflite", "wrapped"] > 1.8 * sizes["tflite", "stripped"] == 1.8 * len(dense), "the .tflite does not double"

# %% 07-44
assert extra > 0, "the wrapped file has no more operators"
assert np.array_equal(*answers), "the wrapped file gives other digits"

# %% 07-47
assert min(same) > 0.9, "the stored zeros stand elsewhere"

# %% 07-49
for key in ("bytes", "weights", "activations"):
    assert ledger["dense"][key] == ledger["pruned"][key], "pruning changes a size that is not gzip"
assert ledger["pruned"]["gzip"] < ledger["dense"]["gzip"] / 3, "gzip does not see the zeros"

# %% 07-51
assert operators(files["dense"]) == operators(files["pruned"]), "the files do other work"

# %% 07-53
assert "Could not find" in message, "the policy gives another reason"

# %% 07-56
assert abs(two_four_accuracy - stored("2:4", 0.5)[0]["float32"]["accuracy"]) < 0.004, "far from the stored run"

# %% 07-59
assert operators(two_four) == operators(dense), "LiteRT runs 2:4 with other operators"

# %% 07-61
for name, values in weights_in(files["pruned"]).items():
    if name in PRUNED:
        full = np.mean(np.count_nonzero(values.reshape(-1, 4), axis=1) > 2)
        assert full > 0, "80 % zeros hold the pattern by themselves"

# %% 07-63
assert "(3, 28, 8)" in message, "the message names another shape"

# %% 07-66
assert "2-dimensional" in message, "the message says something else about blocks"

# %% 07-68
assert set(np.unique(kept)) == {0, 4} and np.mean(kept == 0) == 0.75, "blocks are broken, or not three of four are zero"

# %% 07-70
assert "block_size" in config and "sparsity_m_by_n" not in config, "the wrapper stores another pattern"

# %% 07-73
assert len(files["encoded"]) < len(files["pruned"]) / 2, "the encoding does not shrink the file"
assert evaluation.size_ledger(files["encoded"])["gzip"] > ledger["pruned"]["gzip"] * 0.8, "gzip gains more"
assert needs > ledger["pruned"]["activations"], "the memory does not grow"

# %% 07-74
others = [name for name in names if name != "DENSIFY"]
assert others == [name for name, _ in operators(files["pruned"])] and names.count("DENSIFY") >= 3, "other operators"
assert np.array_equal(*answers), "the encoded file gives other digits"

# %% 07-77
assert "failed to delegate" in message, "XNNPACK refuses for another reason"

# %% 07-78
assert digit == y_test[0], "another digit without XNNPACK"

# %% 07-82
for name, values in weights_in(entries["pruned, int8"]).items():
    assert name not in PRUNED or np.mean(values == 0) >= 0.7999, "int8 loses zeros"

# %% 07-86
assert 0 < table["control"]["changed"] < table["pruned"]["changed"], "the control has no churn, or more than pruning"
assert table["pruned, int8"]["gzip"] < table["dense, int8"]["gzip"] / 2, "gzip does not halve"
assert table["pruned, int8"]["accuracy"] > by_hand_accuracy, "training brings nothing back"
assert table["control"]["pens"] < table["dense"]["pens"] - 0.002, "the control forgets no pen digits"
assert table["control"]["accuracy"] < table["dense"]["accuracy"], "the recipe costs the control nothing"

# %% 07-87
for name in ("pruned", "pruned, int8"):
    lost = table[name.replace("pruned", "control")]["accuracy"] - table[name]["accuracy"]
    assert lost > 0, "pruning costs nothing against its control"

# %% 07-91
assert 100 * gain > max(spread.values()), "the schedules differ by less than the seeds"
lowest = min(row["int8"]["accuracy"] for row in stored("2:4", 0.5))
assert lowest > max(row["int8"]["accuracy"] for row in stored("control", 0.0)), "2:4 is not above its control"

# %% 07-95
assert messages[0].endswith("type: Sequential.") and "Keras 3" in messages[1], "other messages for Keras 3"
