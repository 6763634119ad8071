# Conditions of lesson 07: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 07-09
assert kernels["logits"].size > total / 2 > 100 * kernels["conv_1"].size, "the weights stand in other layers"

# %% 07-13
assert np.any(model.get_layer("logits").get_weights()[1]), "the biases are gone with the weights"
others = min(alone[name] for name in ("conv_2", "conv_3", "logits"))
assert alone["conv_1"] < 0.5 < 0.9 < others, "another layer is the most sensitive"

# %% 07-113
assert together[LIMITS[-1]] < together[LIMITS[0]], "three layers that give more lose no more together"
assert together[LIMITS[-1]] < curves["MNIST"]["logits"][0] - 2 * LIMITS[-1] / 100, "the losses do not add up"

# %% 07-116
by_hand_accuracy = by_hand["MNIST"]
assert by_hand_accuracy < alone["conv_2"], "three layers together lose no more than one"
assert np.array_equal(model.get_layer("conv_2").get_weights()[0], kernels["conv_2"]), "the model stays pruned"

# %% 07-21
assert updates(plain) == {} and 0.79 < max(updates(late).values()) < 0.8, "the silent mistakes are not made"

# %% 07-29
mine_accuracy, by_hand_accuracy = right["MNIST"], by_hand["MNIST"]
assert mine_accuracy > by_hand_accuracy, "training brings nothing back"
names = [layer.name for layer in wrapped.layers if layer.name.startswith("prune")]
assert names == [f"prune_low_magnitude_{name}" for name in PRUNED], "other layers are wrapped"

# %% 07-34
for name in kernels:
    zeros = np.mean(pruned.get_layer(name).get_weights()[0] == 0)
    assert abs(zeros - (0.8 if name in PRUNED else 0)) < 0.001, f"{name}: the schedule did not do what it says"

# %% 07-35
after = after.flatten()
before = before.flatten()
assert np.median(np.abs(after[after != 0])) > 2 * np.median(np.abs(before)), "the small weights are not gone"

# %% 07-49
assert len(dense) == models.model_path("mnist_cnn").stat().st_size, "the file is not as large as the shipped one"

# %% 07-119
by_name = {row["name"]: row for row in rows}
began = by_name["dense"]
assert evaluation.sign_test(began["fixed"], began["broken"]) > 0.05, "the rate damages the control"
assert chance < 0.01, "the zeros cost nothing that is more than chance"
lost = {t: by_name["control"][t] - by_name["pruned"][t] for t in ("accuracy", "pens")}
assert lost["pens"] > lost["accuracy"] > 0, "pens lose no more than MNIST"

# %% 07-121
by_recipe = {(row["epochs"], row["rate"]): row for row in recipes}
assert lead[1, "0.001"] < lead[1, "0.0003"] / 2, "the usual rate does not hide what pruning costs"
fallen = by_recipe[1, "0.0003"]["control, MNIST"] - by_recipe[1, "0.001"]["control, MNIST"]
assert fallen > 0.1, "the control does not fall"
assert lead[1, "0.003"] < 0, "a damaged control is still ahead"
best_of = {name: max(row[f"{name}, MNIST"] for row in recipes if row["epochs"] == 1) for name in ("control", "pruned")}
assert best_of["control"] > best_of["pruned"] > by_recipe[1, "0.0003"]["pruned, MNIST"], "another one is ahead"
assert lead[3, "0.0003"] < lead[1, "0.0003"], "more epochs do not lower the price"

# %% 07-73
for key in ("bytes", "weights", "activations"):
    assert ledger["dense"][key] == ledger["pruned"][key], "pruning changes a size that is not gzip"
assert ledger["pruned"]["gzip"] < ledger["dense"]["gzip"] / 3, "gzip does not see the zeros"
needs = ledger["encoded"]["activations"]
assert len(files["encoded"]) < len(files["pruned"]) / 2, "the encoding does not shrink the file"
assert evaluation.size_ledger(files["encoded"])["gzip"] > ledger["pruned"]["gzip"] * 0.8, "gzip gains more"
assert needs > ledger["pruned"]["activations"], "the memory does not grow"
assert len(files["wrappers left"]) > 1.8 * len(files["pruned"]), "the masks are not in the file"

# %% 07-51
both = [evaluation.operators(evaluation.make_interpreter(files[name])) for name in ("dense", "pruned")]
names = [[step["op_name"] for step in steps] for steps in both]
assert names[0] == names[1], "the pruned file has other operators"

# %% 07-125
assert 0 < np.mean(full) < 0.1, "80 % zeros hold the pattern by themselves"

# %% 07-82
table, by_hand_accuracy = {row["name"]: row for row in rows}, by_hand["MNIST"]
for name, values in pruning.weights_in(entries["pruned, int8"], layers).items():
    assert name not in PRUNED or np.mean(values == 0) >= 0.7999, "int8 loses zeros"
assert table["pruned, int8"]["gzip"] < table["dense, int8"]["gzip"] / 2, "gzip does not halve"
assert table["pruned, int8"]["accuracy"] > by_hand_accuracy, "training brings nothing back"
