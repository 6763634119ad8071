# Conditions of lesson 06: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 06-09
for bits in (2, 3, 4, 8):
    theirs = tf.quantization.fake_quant_with_min_max_vars(x, LOW, HIGH, num_bits=bits).numpy()
    same = np.allclose(fake_quantize(x, LOW, HIGH, bits), theirs, atol=1e-5)
    assert same and len(np.unique(theirs)) == 2**bits, "the formula is not TensorFlow's"

# %% 06-11
assert tape.gradient(rounded, variable) is None, "round has a gradient"

# %% 06-12
assert np.array_equal(gradient, inside), "the gradient is not 1 inside the range and 0 outside"

# %% 06-13
assert flat > 0.99, "the staircase is not flat"

# %% 06-17
assert learn(tf.round) == np.float32(0.2), "the weight behind round moved"
assert np.isclose(float(three_bits(learned)), nearest), "the weight does not reach the best step"

# %% 06-22
ranges = {variable.name: variable.numpy() for variable in untrained.weights}
for name in ("quant_conv_1/kernel_min:0", "quant_relu_1/output_min:0", "quant_relu_1/output_max:0"):
    assert set(np.abs(ranges[name]).ravel()) == {6.0}, "the placeholders are not 6"

# %% 06-24
assert blank < 0.3 < 0.99 < plain, "the wrapped model does not guess"

# %% 06-32
assert qat_accuracy > 0.985, "QAT answers worse"

# %% 06-37
assert names.count("QUANTIZE") > 5 and len(forgetful) > len(float_file) > 3 * len(qat_int8), "the trap is gone"

# %% 06-40
unmoved = np.array_equal(evaluation.predict(misled, x_test[:2000]), evaluation.predict(qat_int8, x_test[:2000]))
assert unmoved, "the representative dataset is not ignored"

# %% 06-42
assert np.isclose(scale, (high - low) / 255, rtol=1e-4), "the file has another range than the Keras model"

# %% 06-44
assert high < float_logits.max() / 2, "the range is wide enough"

# %% 06-46
assert np.isclose(relu_low, -6 * 0.999**STEPS, rtol=1e-4), "the moving average is another one"

# %% 06-48
assert 0.999**needed <= 0.01 < 0.999 ** (needed - 1), "the number of steps is wrong"

# %% 06-52
assert repaired > 0.98, "ranges that are set do not bring the model back"

# %% 06-55
assert control_accuracy > 0.99, "the control answers worse"

# %% 06-59
for method, share in mine.items():
    agrees = abs(share - stored("int8_cnn", method)[SEED]["accuracy"]) < 0.002
    assert agrees, "far from the stored run"

# %% 06-63
for name in ("int8, control", "int8, QAT"):
    row, other = table[name], table["int8, control"]
    overlap = row["low"] <= other["high"] and other["low"] <= row["high"]
    assert overlap and row["changed"] > table["int8, not trained on"]["changed"], "training moves fewer answers"
assert table["int8, QAT"]["ties"] > table["int8, control"]["ties"], "the narrow range leaves no ties"
order = [table[name]["pens"] for name in ("int8, not trained on", "int8, control", "int8, QAT")]
assert order == sorted(order, reverse=True), "another order on pen digits"

# %% 06-72
for method in ("QAT", "QAT, ranges set"):
    gains = difference("int8_cnn", method)
    assert np.abs(gains).max() < noise, "a difference is larger than half of the band"
assert difference("int8_cnn").max() < 0 < difference("int8_cnn", "QAT, ranges set").max(), "plain QAT is no worse"

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

# %% 06-98
assert table["4 bits, QAT"]["changed"] < table["4 bits, control"]["changed"], "QAT changes more answers"
assert abs(table["4 bits, QAT"]["pens"] - table["4 bits, control"]["pens"]) < 0.005, "QAT matters on pen digits"
assert table["4 bits, control"]["pens"] > table["4 bits, not trained on"]["pens"] + 0.005, "training does not matter"

# %% 06-99
gains = difference("int4_ds")
assert gains.min() > 0 and gains.mean() > noise and gains.mean() > 3 * difference("int4_cnn").mean(), (
    "QAT does not win on mnist_ds, or wins on mnist_cnn as much"
)

# %% 06-101
assert left_over < lost / 3 and spread["QAT"] < spread["control"], "QAT brings back less"

# %% 06-105
assert all(shares[1e-2] > 3 * shares[1e-3] for shares in wrong.values()), "the highest rate ruins nothing"
assert wrong["QAT"][1e-5] > wrong["QAT"][1e-4] + 0.1 > wrong["control"][1e-5] + 0.1, "the lowest rate harms both"

# %% 06-108
assert "to_quantize" in message, "another message for a layer"

# %% 06-110
message = messages[0]
assert "can only either be a keras Sequential" in message, "TFMOT has another message for Keras 3"
message = messages[1]
assert "Keras 3 model" in message, "the check does not name Keras 3"

# %% 06-112
message = messages[0]
assert "is not supported" in message, "TFMOT has another message for an unknown layer"
message = messages[1]
assert "'norm' (LayerNormalization)" in message, "the check does not name the layer"

# %% 06-114
assert "QuantizeLayer supplied to wrapper" in message, "another message for a wrapped model"

# %% 06-116
assert "can only either be a keras Sequential" in message, "another message for a subclassed model"

# %% 06-118
assert "quantize_scope" in message, "the message does not name the scope"

# %% 06-125
assert models.read_model(folder / "mnist_cnn_qat_int8.tflite") == qat_int8, "another file was written"
