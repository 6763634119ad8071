# Conditions of what goes deeper than lesson 05: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 05-51
assert len(files["float32"]) == float_path.stat().st_size, "the file is not as large as the shipped one"

# %% 05-55
kinds_of_weights = [str(weights.dtype) for _, weights, _ in layers_with_weights(files["dynamic range"])]
assert kinds_of_weights == ["float32", "int8", "int8", "int8"], "dynamic range keeps other layers in float"

# %% 05-60
assert len(int8_file) == int8_path.stat().st_size, "the file is not as large as the shipped one"

# %% 05-62
assert evaluation.make_interpreter(files["int8, float IO"]).get_input_details()[0]["dtype"] == np.float32, "not float"

# %% 05-71
assert message.startswith("ValueError"), "the helper names another kind of error"

# %% 05-79
assert operators(sine)[-4:-1] == ["DEQUANTIZE", "SIN", "QUANTIZE"], "the sine has no float island"

# %% 05-83
assert "Betainc" in reason, "the message does not name the operator"

# %% 05-86
assert np.allclose(computed, stored, rtol=1e-5), "the output has another grid than the range of the logits"

# %% 05-88
assert 0 < clipped.sum() < 0.002 * clipped.size, "none or many logits are outside"

# %% 05-90
assert len(draws) == 2 * len(calibration["settings"]["counts"]) * calibration["settings"]["draws"], "rows are missing"

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
assert mistakes["zero point forgotten"][1] < 0.2 < mistakes["zero point forgotten"][0] < 0.75, "other damage"
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
