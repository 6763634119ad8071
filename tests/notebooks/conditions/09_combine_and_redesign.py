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
saw_none = [record[f"mnist_{end} int8"]["pens"] for end in ("ds", "tiny", "nano")]
assert max(saw_none) < 0.975 < 0.985 < small["pens"], "who saw no stroke reads strangers as well"
assert small["accuracy"] > cnn["accuracy"], "mnist_small is not first on MNIST"

# %% 09-52
assert middle["labels"]["MNIST"] > middle["teacher, T = 8"]["MNIST"] + 0.1, "a high temperature does no harm"
assert abs(middle["labels"]["MNIST"] - middle["teacher, T = 1"]["MNIST"]) < 0.05, "a teacher at T = 1 changes much"

# %% 09-74
assert len(ways) == 9 and ways["large"]["bytes"] < 4 * small, "another duel"

# %% 09-116
assert ways["designed: mnist_small"]["MNIST"] < ways["large"]["MNIST"] - 0.005, "small is as good as large"
assert ways["4 bits"]["bytes"] < 0.6 * ways["large"]["bytes"], "4 bits do not halve the file"
assert abs(ways["4 bits"]["MNIST"] - ways["large"]["MNIST"]) < 0.003, "4 bits cost accuracy"
assert 5 * ways["narrow"]["macs"] < ways["designed: mnist_small"]["macs"], "the narrow network does not save work"

# %% 09-120
pair_rows = against(duel, "designed: mnist_small", "narrow")
level = [row["by chance"] > 0.05 for row in pair_rows if row["test"] == "MNIST"]
assert all(level), "small and narrow are not level on MNIST"
ahead = [row["broken"] > row["fixed"] for row in pair_rows if row["test"] == "pens" and row["by chance"] < 0.05]
assert sorted(ahead) == [False, True, True], "narrow is ahead on pens with another number of seeds"

# %% 09-124
assert lost["pens"] > 3 * lost["accuracy"] > 1, "pens do not lose more"

# %% 09-141
assert after["pruned, mixed"]["pens"] > after["pruned, MNIST"]["pens"], "the mixed set keeps no more"
for part in ("pruned", "trained on"):
    for seed in (1, 2, 3):
        pens = {row["name"]: row["pens"] for row in kept if row["seed"] == seed}
        assert pens[f"{part}, mixed"] > pens[f"{part}, MNIST"], f"the mixed set keeps no more with seed {seed}"

# %% 09-126
assert change["fixed"] > change["broken"], "the mixed set breaks more than it fixes"
