# Conditions of lesson 09: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 09-11
assert dense["pruned, then plain QAT"] < 0.5 < 0.79 < dense["PQAT"], "plain QAT keeps the zeros, or PQAT does not"
assert rows["clustered, then plain QAT"]["distinct"][-1] > 100 and rows["CQAT"]["distinct"][-1] == 16, (
    "plain QAT keeps the clusters, or CQAT does not"
)
assert rows["PQAT"]["gzip"] < 0.7 * rows["pruned, then plain QAT"]["gzip"], "gzip does not see what PQAT keeps"

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

# %% 09-30
assert cnn_macs["conv_2"] == 14 * 14 * 3 * 3 * 16 * 32, "the multiplications are counted in another way"

# %% 09-32
assert sum(ds_macs.values()) * 3 < sum(cnn_macs.values()), "the separable network does not save work"

# %% 09-34
assert "BatchNormalization" in layers and not any("NORM" in name or "RELU" in name for name in operators), (
    "normalization or ReLU is an operator"
)

# %% 09-37
assert len(block(["conv", "norm", "relu"])) == 1 < len(block(["conv", "relu", "norm"])), "the order does not matter"

# %% 09-39
assert gamma[keep].min() >= np.delete(gamma, keep).max(), "not the filters with the largest gamma stay"

# %% 09-42
assert after < 0.8 * before, "the narrow file is not smaller"
by_rule = evaluation.accuracy(narrow_file, x_test, y_test)
assert 0.98 < min(chance.values()) and max(chance.values()) < by_rule + 0.0005, "chance is better than the rule"

# %% 09-45
for filters in ("12-24-48", "8-16-32"):
    inherited = by_kind[f"filters removed {filters}", "trained on, 2 epochs"]
    scratch = by_kind[f"narrow {filters}", "from scratch, 2 epochs"]
    assert inherited > scratch, "inherited weights are no better"

# %% 09-50
assert answer.argmax() == y_train[2], "the teacher is wrong about its example"

# %% 09-54
assert gain < -2 * noise, "the difference may be luck"

# %% 09-56
for row in distillation["rows"]:
    low = row["low"]
    assert low < min(r["high"] for r in distillation["rows"]), "the bands do not overlap"

# %% 09-63
assert ledger["overhead"] > 2 * ledger["weights"], "the weights are the larger part"

# %% 09-65
assert sum(buffer.data is None for buffer in tree.buffers) > 1, "there are no empty buffers"

# %% 09-67
same = np.array_equal(evaluation.predict(nameless, x_test[:100]), evaluation.predict(student_int8, x_test[:100]))
assert same and len(nameless) < len(student_int8) - 300, "names are read, or few bytes"

# %% 09-69
assert evaluation.size_ledger(strip(shipped))["weights"] == evaluation.size_ledger(shipped)["weights"], (
    "strip() takes weights away"
)

# %% 09-71
answers = evaluation.predict(stripped, x_test[:5]).argmax(1)
assert answers.shape == (5,), "invoke() does not answer"
assert np.array_equal(evaluation.predict(stripped, x_test), evaluation.predict(student_int8, x_test)), "other answers"

# %% 09-75
assert record["mnist_small int8"]["bytes"] <= 16_384, "mnist_small is too large"
assert record["mnist_tiny int8"]["accuracy"] >= 0.99 and record["mnist_tiny int8"]["bytes"] <= 8_192, (
    "mnist_tiny is worse or larger than it should be"
)
assert record["mnist_nano int8"]["accuracy"] >= 0.975 and record["mnist_nano int8"]["bytes"] <= 4_096, (
    "mnist_nano is worse or larger than it should be"
)
assert small["high"] > cnn["low"] and cnn["high"] > small["low"], "the bands do not overlap"
assert small["pens"] < cnn["pens"] - 0.005, "mnist_small reads strangers as well as mnist_cnn"

# %% 09-77
assert len(points) > 40, "models are missing in the chart"

# %% 09-89
assert tiny["bytes"] < 0.6 * best["bytes"], "a compressed model is nearly as small, as files are"
assert tiny["bytes"] < 0.9 * len(squeezed), "a compressed model is nearly as small, both stripped"
