# Conditions of what goes deeper than lesson 09: see tests/notebooks/conditions.py. The names are the notebook's.

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
by_rule = chance["the 48 largest gammas"]
draws = [share for name, share in chance.items() if "random" in name]
assert 0.98 < min(draws) <= by_rule < max(draws) + 0.0005, "the rule is better than chance, or worse"

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

# %% 09-71
answers = evaluation.predict(stripped, x_test[:5]).argmax(1)
assert answers.shape == (5,), "invoke() does not answer"
assert np.array_equal(evaluation.predict(stripped, x_test), evaluation.predict(student_int8, x_test)), "other answers"

# %% 09-77
assert len(points) > 40, "models are missing in the chart"

# %% 09-89
assert tiny["bytes"] < 0.6 * best["bytes"], "a compressed model is nearly as small, as files are"
assert tiny["bytes"] < 0.9 * len(squeezed), "a compressed model is nearly as small, both stripped"
