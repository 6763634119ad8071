# Conditions of lesson 09: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 09-11
assert dense["pruned, then plain QAT"] < 0.5 < 0.79 < dense["PQAT"], "plain QAT keeps the zeros, or PQAT does not"
assert rows["clustered, then plain QAT"]["distinct"][-1] > 100 and rows["CQAT"]["distinct"][-1] == 16, (
    "plain QAT keeps the clusters, or CQAT does not"
)
assert rows["PQAT"]["gzip"] < 0.7 * rows["pruned, then plain QAT"]["gzip"], "gzip does not see what PQAT keeps"

# %% 09-30
assert cnn_macs["conv_2"] == 14 * 14 * 3 * 3 * 16 * 32, "the multiplications are counted in another way"

# %% 09-32
assert sum(ds_macs.values()) * 3 < sum(cnn_macs.values()), "the separable network does not save work"

# %% 09-104
assert gamma[rules["largest gamma"][:48]].min() >= gamma[rules["largest gamma"][48:]].max(), "another order"
assert all_filters["MNIST"] > 0.985 and all_filters["pens"] > 0.97, "the sum of all channels is not the network"

# %% 09-105
assert found[48]["largest gamma"]["MNIST"] > 0.98 > found[8]["largest gamma"]["MNIST"], "filters cost otherwise"

# %% 09-69
assert evaluation.size_ledger(strip(shipped))["weights"] == evaluation.size_ledger(shipped)["weights"], (
    "strip() takes weights away"
)

# %% 09-73
assert record["mnist_small int8"]["bytes"] <= 16_384, "mnist_small is too large"
assert record["mnist_tiny int8"]["accuracy"] >= 0.99 and record["mnist_tiny int8"]["bytes"] <= 8_192, (
    "mnist_tiny is worse or larger than it should be"
)
assert record["mnist_nano int8"]["accuracy"] >= 0.975 and record["mnist_nano int8"]["bytes"] <= 4_096, (
    "mnist_nano is worse or larger than it should be"
)
small, cnn = record["mnist_small int8"], record["mnist_cnn float32"]
assert small["high"] > cnn["low"] and cnn["high"] > small["low"], "the bands do not overlap"
assert small["pens"] < cnn["pens"] - 0.005, "mnist_small reads strangers as well as mnist_cnn"
