# Conditions of "06, deeper: QAT in depth": see tests/notebooks/conditions.py. The names are the notebook's.

# %% 06-37
assert names.count("QUANTIZE") > 5 and len(forgetful) > len(float_file) > 3 * len(qat_int8), "the trap is gone"

# %% 06-40
unmoved = np.array_equal(evaluation.predict(misled, x_test[:2000]), evaluation.predict(qat_int8, x_test[:2000]))
assert unmoved, "the representative dataset is not ignored"

# %% 06-75
assert same_object, "annotating copies the layer"

# %% 06-77
assert partly.get_layer("conv_1") is not model.get_layer("conv_1"), "quantize_apply copies no layer"
assert np.array_equal(partly.get_layer("conv_1").kernel, model.get_layer("conv_1").kernel), "other weights"

# %% 06-86
assert max(used) <= 2**4 - 1, "a channel has more values than 4 bits hold"

# %% 06-89
assert not any("output_" in v.name for v in aware_four.weights), "activations are watched, too"

# %% 06-93
assert len(trained) > len(exported.weights), "there are no wrappers to take off"

# %% 06-96
agrees = abs(four_accuracy - stored("int4_ds", "QAT")[SEED]["accuracy"]) < 0.002
assert agrees and abs(len(mine_four) - len(four_bit["qat"])) < 500, "far from the stored run"

# %% 06-101
assert left_over < lost / 3 and spread["QAT"] < spread["control"], "QAT brings back less"

# %% 06-105
assert all(shares[1e-2] > 3 * shares[1e-3] for shares in wrong.values()), "the highest rate ruins nothing"
lower = [shares[rate] for shares in wrong.values() for rate in (1e-5, 1e-4, 1e-3)]
assert max(lower) - min(lower) < 0.2, "a lower rate matters"
