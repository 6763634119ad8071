# Conditions of lesson 05: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 05-12
assert error.max() <= scale / 2 * (1 + 1e-9), "an error inside the range is larger than half a gap"

# %% 05-14
assert np.ptp(back) == 0 and abs(back[0] - 2.6) <= scale, "values outside do not come back as the last point"
assert (outside[1:] - back[1:] > scale / 2).all(), "a clipped value is not far away"

# %% 05-16
for low, high in ((-0.7, 2.6), (0.0, 1.0), (0.4, 1.0), (-3.0, -1.0)):
    s, z = affine_grid(low, high)
    zero = dequantize(quantize(np.zeros(1), s, z), s, z)[0]
    assert zero == 0.0, "0.0 does not come back as 0.0"

# %% 05-18
assert np.allclose(affine_grid(0.0, 1.0), int8.get_input_details()[0]["quantization"]), (
    "the file has another input grid"
)

# %% 05-20
assert symmetric[0] > 2 * asymmetric[0] and mean_error["asymmetric"] < 1e-7, "the symmetric grid is not twice as wide"

# %% 05-26
for _, weights, _ in float_layers:
    errors = []
    for per_channel in (False, True):
        scales = symmetric_scales(weights, per_channel)
        errors.append(np.abs(dequantize(quantize(weights, scales, 0), scales, 0) - weights).mean())
    assert errors[1] < errors[0], "per channel is not better in every layer"

# %% 05-28
for (_, weights, _), (_, stored, details) in zip(float_layers, layers_with_weights(int8_path), strict=True):
    scales = symmetric_scales(weights, per_channel=True)
    same_scales = np.array_equal(scales.ravel(), details["quantization_parameters"]["scales"])
    same_weights = np.array_equal(quantize(weights, scales, 0), stored)
    assert same_scales and same_weights, "the file of the course has other scales or integers"
    assert not details["quantization_parameters"]["zero_points"].any() and stored.min() >= -127, "not symmetric"

# %% 05-34
assert np.allclose(scale_b, scale_x * scale_w, rtol=1e-6), "the bias has another scale than x times w"

# %% 05-38
assert accumulator.dtype == np.int32 and 2**15 < np.abs(accumulator).max() < 2**31 - 1, "the sum does not need int32"

# %% 05-40
assert np.allclose(fixed / 2.0**shift, multiplier, rtol=1e-9), "fixed point is not the multiplier"

# %% 05-44
assert (floor != y).mean() > 0.3 and 0 < (twice != y).sum() < 10, "rounding down or twice has another effect"

# %% 05-46
assert np.array_equal(floats, fast_y) and np.abs(fast_y.astype(int) - y).max() <= 1, "XNNPACK rounds in another way"
assert np.array_equal(same, y), "with the same inputs the float formula differs from the reference kernels"

# %% 05-51
assert len(files["float32"]) == float_path.stat().st_size, "the file is not as large as the shipped one"

# %% 05-55
kinds_of_weights = [str(weights.dtype) for _, weights, _ in layers_with_weights(files["dynamic range"])]
assert kinds_of_weights == ["float32", "int8", "int8", "int8"], "dynamic range keeps other layers in float"

# %% 05-60
assert len(int8_file) == int8_path.stat().st_size, "the file is not as large as the shipped one"

# %% 05-62
assert evaluation.make_interpreter(files["int8, float IO"]).get_input_details()[0]["dtype"] == np.float32, "not float"

# %% 05-67
assert smaller["weights"] > 3.9 > 3.7 > smaller["bytes"], "int8 is smaller in another way"
assert 12 * grids > 0.8 * grown, "scales and zero points are not most of what the overhead grew"

# %% 05-68
assert max(row["changed"] for row in rows) < 10 and all(row["low"] < whole["accuracy"] < row["high"] for row in rows), (
    "a form changes ten digits, or leaves the band"
)
assert by["int16x8 *"]["p50"] > 3 * eight["p50"], "int16x8 is as fast as int8"
for row in rows[1:]:
    assert sign_test(row["fixed"], row["broken"]) > 0.05, "a form is worse by more than chance"

# %% 05-71
assert message.startswith("ValueError"), "the helper names another kind of error"

# %% 05-79
assert operators(sine)[-4:-1] == ["DEQUANTIZE", "SIN", "QUANTIZE"], "the sine has no float island"

# %% 05-83
assert "Betainc" in reason, "the message does not name the operator"

# %% 05-86
assert np.allclose(computed, stored, rtol=1e-5), "the output has another grid than the range of the logits"

# %% 05-88
assert 0 < clipped.sum() < 0.001 * clipped.size, "none or many logits are outside"

# %% 05-90
assert len(draws) == 2 * len(calibration["settings"]["counts"]) * calibration["settings"]["draws"], "rows are missing"

# %% 05-91
assert max(right) - min(right) < 0.3 and rms[1] > 3 * rms[100] and abs(rms[100] - rms[1000]) < 0.1, "another picture"

# %% 05-93
assert abs(right - row["right"]) <= 20 and abs(error - row["rms"]) < 0.02, "the stored row does not repeat"

# %% 05-95
for kind in kinds:
    right, error = damage[kind]
    assert abs(right - wrong["mnist_ds", kind]["right"]) <= 300, "a stored row does not repeat"
assert damage["zeros"][0] < 2000 and damage["not divided by 255"][0] < 3000 and damage["uniform noise"][0] > 9800, (
    "the wrong images do other damage"
)

# %% 05-97
for name, kind in wrong:
    if kind in ("only the digit 1", "black and white swapped"):
        row = wrong[name, kind]
        assert row["rms"] > 3 * wrong[name, "training images"]["rms"] and row["right"] > 9900, "digits do not survive"

# %% 05-100
assert "not callable" in said[0] and "without the brackets" in said[1], "other messages for a generator"

# %% 05-102
assert "FLOAT64" in said[0] and "astype(np.float32)" in said[1], "other messages for float64"

# %% 05-104
assert "num_input_elements" in said[0] and "batch axis" in said[1], "other messages without a batch axis"

# %% 05-106
assert len(silent) > 30_000 and "no sample" in message, "the empty dataset is noticed, or the check has other words"

# %% 05-109
assert np.array_equal(short_cut, quantize(x_test, scale, zero_point)), "pixel - 128 is not the quantized pixel"

# %% 05-111
assert {(array.dtype.name, array.shape) for array in inputs.values()} == {("int8", x_raw.shape)}, "not int8 images"

# %% 05-114
assert evaluation.make_interpreter(ds_path).get_input_details()[0]["quantization"] == (scale, zero_point), "other grid"
assert all(abs(a - b) < 0.001 for a, b in zip(mistakes["right"], mistakes["rounded down"], strict=True)), "not noise"
assert all(0.002 < a - b < 0.02 for a, b in zip(mistakes["right"], mistakes["not divided by 255"], strict=True)), (
    "clipped images lose more, or nothing"
)
assert mistakes["zero point forgotten"][1] < 0.2 < mistakes["zero point forgotten"][0] < 0.6, "other damage"
assert max(max(mistakes[name]) for name in inputs if "cast" in name or "bytes" in name or "scale" in name) < 0.15, (
    "a ruinous mistake is harmless"
)

# %% 05-116
assert (
    np.array_equal(q.argmax(axis=1), real.argmax(axis=1)) and np.mean(q.view(np.uint8).argmax(axis=1) == y_test) < 0.01
), "dequantizing changes digits, or uint8 does not"

# %% 05-117
assert unsure["int8, raw integers"] < unsure["int8, dequantized"] / 3, "raw integers are as unsure"
assert abs(unsure["int8, dequantized"] - unsure["float32 file"]) < 20, "dequantized logits are not like float"

# %% 05-119
assert "FLOAT32" in message and "INT8" in message, "the message does not name both types"

# %% 05-121
for message in messages:
    assert "quantized already" in message, "the check lets a quantized model pass"
assert checks.check_float_model(files["float32"]) == files["float32"], "the check refuses the float file"

# %% 05-126
assert all(0.15 < row["steps"] < 0.4 for row in healthy), "a healthy layer has another error"

# %% 05-129
healthy_accuracy = np.mean(test_logits["mnist_ds"].argmax(axis=1) == y_test)
assert abs(sick_rows[0]["accuracy"] - healthy_accuracy) < 0.0005, "the sick float model answers in another way"
assert sick_rows[1]["accuracy"] < sick_rows[0]["accuracy"] - 0.03, "int8 does not suffer"

# %% 05-131
assert ill[worst]["steps"] > 1 and worst == 4, "another layer is the worst"

# %% 05-133
assert grown > 50, "the grid did not grow"
assert (first != 0).mean() < 0.25, "the weights that read the inflated channel are not rounded to 0"

# %% 05-135
assert (
    best["both"] > best["float32"] - 0.001 and max(best["the worst"], best["the one before"]) < best["float32"] - 0.03
), "one excluded layer is enough, or both are not"

# %% 05-140
for (_, weights, _), (_, stored, _) in zip(float_layers, layers_with_weights(again), strict=True):
    assert np.array_equal(quantize(weights, symmetric_scales(weights, per_channel=True), 0), stored), "other integers"

# %% 05-143
assert details["dtype"] == np.int8 and np.allclose(details["quantization"], (1 / 255, -128), rtol=1e-3), "other input"

# %% 05-146
assert lost["mnist_cnn"] < 0.15 and 0.3 < lost["mnist_ds"] < 0.7, "int4 costs another share"
assert max(accuracy[name, "dynamic int2 *"] for name in steps) < 0.15, "2 bits answer well"
assert 0.5 < len(ladders["mnist_cnn"]["dynamic int4"]) / len(int8_file) < 0.56, "int4 has another size"
for name, step in steps.items():
    row = next(row for row in step if row["name"] == "dynamic int4")
    assert (sign_test(row["fixed"], row["broken"]) < 0.001) == (name == "mnist_ds"), "int4 loses by chance, or not"
    assert len(np.unique(answers[name])) == 1, "2 bits answer with several digits"

# %% 05-148
for kind, stored, _ in layers_with_weights(ladders["mnist_ds"]["dynamic int4"]):
    assert (stored.dtype == np.float32) == (kind == "DEPTHWISE_CONV_2D"), "other layers stay in float"

# %% 05-150
assert len(mixed) < len(pair["dynamic int4"]), "the mix is not smaller"

# %% 05-152
assert zeros[-1] > 0.9, "the dense layer keeps weights at 2 bits"
stored = layers_with_weights(two_bits["mnist_cnn"])[-1][1]
assert set(np.unique(stored)) == {-1, 0, 1} and abs(np.mean(stored == 0) - zeros[-1]) < 0.001, "other weights"

# %% 05-163
assert three["largest weight"][0] < 0.5 and three["mean magnitude"][0] > 0.9, "the choice of the range is no cause"

# %% 05-154
same = differ == 0
assert same and len(twice) > 0.99 * int8_path.stat().st_size, "the int8 file became another one"

# %% 05-160
assert len(json.loads((work / "05_post_training_quantization.json").read_text(encoding="utf-8"))) == len(record), "lost"
