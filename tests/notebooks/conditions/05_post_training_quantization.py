# Conditions of lesson 05: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 05-12
assert (np.abs(dequantize(quantize(inside, scale, zero_point), scale, zero_point) - inside) == error).all(), (
    "another error"
)
assert error.max() <= scale / 2 * (1 + 1e-9), "an error inside the range is larger than half a gap"
assert np.ptp(back) == 0 and abs(back[0] - 2.6) <= scale, "values outside do not come back as the last point"
assert (outside[1:] - back[1:] > scale / 2).all(), "a clipped value is not far away"
for low, high in ((-0.7, 2.6), (0.0, 1.0), (0.4, 1.0), (-3.0, -1.0)):
    s, z = affine_grid(low, high)
    zero = dequantize(quantize(np.zeros(1), s, z), s, z)[0]
    assert zero == 0.0, "0.0 does not come back as 0.0"

# %% 05-25
assert len(float_layers) == 4, "the network has other layers"


# %% 05-28
def symmetric_scales(weights, per_channel):
    return channel_scales(weights)


for (_, weights, _), (_, stored, details) in zip(float_layers, ranges.layers_with_weights(int8_path), strict=True):
    scales = symmetric_scales(weights, per_channel=True)
    same_scales = np.array_equal(scales.ravel(), details["quantization_parameters"]["scales"])
    same_weights = np.array_equal(quantize(weights, scales, 0), stored)
    assert same_scales and same_weights, "the file of the course has other scales or integers"
    assert not details["quantization_parameters"]["zero_points"].any() and stored.min() >= -127, "not symmetric"

# %% 05-171
channel = float_layers[-1][1][0]
for bits, best in ((2, 0.4), (4, 0.6)):
    errors = [np.square(on_grid(channel, bits, share * np.abs(channel).max()) - channel).sum() for share in (best, 1)]
    assert errors[0] < errors[1], "clipping does not pay at few bits"

# %% 05-173
channel = float_layers[-1][1][0]
for bits in (2, 4, 8):
    size = np.abs(channel)[:, np.newaxis]
    squares = {
        name: np.square(on_grid(size, bits, choose(size, bits)) - size).sum() for name, choose in CHOICES.items()
    }
    assert squares["least squares"] <= squares["largest weight"] * (1 + 1e-9), "least squares are not the least"

# %% 05-163
shares = [row["MNIST"] for row in rows]
assert shares[1] < shares[2] < shares[3] < shares[0], "another order of the ranges"
assert 0.95 < shares[3] < 0.98, "least squares read another share"

# %% 05-168
found = {row["model"]: (row["MNIST"], row["pens"]) for row in two_bit_rows}
three = {"largest weight": found["largest weight"], "mean magnitude": found["threshold"]}
assert three["largest weight"][0] < 0.5 and three["mean magnitude"][0] > 0.9, "the choice of the range is no cause"
assert min(found["least squares, norms anew"]) > 0.97, "the norms do not bring back what they did"
assert max(found["largest weight, norms anew"]) < 0.6, "the norms alone are enough"
for name, (right, _) in found.items():
    row = next(r for r in two_bit_rows if r["model"] == name)
    assert row["fixed"] - row["broken"] == round(10_000 * (right - found["float32"][0])), "fixed and broken do not fit"

# %% 05-167
stored = {(r["model"], r["bits"], r["range"], r["anew"]): r for r in record["rows"]}
names = {"largest weight": "largest weight", "least squares": "least squares", "threshold": "threshold"}
found_by = {row["model"]: row["MNIST"] for row in two_bit_rows}
for name, there in names.items():
    assert abs(stored["mnist_cnn", 2, there, False]["right"] - 10_000 * found_by[name]) <= 60, (
        "a stored row does not repeat"
    )
for there in ("largest weight", "99th percentile", "least squares"):
    assert stored["mnist_cnn", 8, there, False]["right"] > 9900, "at 8 bits the choice matters"

# %% 05-49
assert len(files["float32"]) == float_path.stat().st_size, "the file is not as large as the shipped one"

# %% 05-59
assert len(int8_file) == int8_path.stat().st_size, "the file is not as large as the shipped one"

# %% 05-62
assert evaluation.make_interpreter(files["int8, float IO"]).get_input_details()[0]["dtype"] == np.float32, "not float"

# %% 05-66t
from tflite_course.evaluation import sign_test

whole = by["float32"]
assert max(row["changed"] for row in rows) < 10 and all(row["low"] < whole["accuracy"] < row["high"] for row in rows), (
    "a form changes ten digits, or leaves the band"
)
for row in rows[1:]:
    assert sign_test(row["fixed"], row["broken"]) > 0.05, "a form is worse by more than chance"

# %% 05-67
smaller = {part: by["float32"][part] / by["int8"][part] for part in ("bytes", "weights")}
tensors = evaluation.make_interpreter(files["int8"]).get_tensor_details()
grids = sum(len(tensor["quantization_parameters"]["scales"]) for tensor in tensors)
assert smaller["weights"] > 3.9 > 3.7 > smaller["bytes"], "int8 is smaller in another way"
assert 12 * grids > 0.8 * grown, "scales and zero points are not most of what the overhead grew"
assert channels == 122 and 2 * (4 + 8) * channels == 2928, "other channels"

# %% 05-177
assert len(two["per tensor"]) < 0.95 * len(two["per channel"]), "one scale a tensor saves less"
assert both[1]["accuracy"] > both[0]["accuracy"] - 0.005, "one scale a tensor costs more"

# %% 05-91
assert len(draws) == 2 * len(calibration["settings"]["counts"]) * calibration["settings"]["draws"], "rows are missing"
right = [row["right"] / 100 for row in draws]
rms = {count: np.median([row["rms"] for row in draws if row["count"] == count]) for count in (1, 10, 100, 1000)}
assert max(right) - min(right) < 0.3 and rms[1] > 3 * rms[100] and abs(rms[100] - rms[1000]) < 0.1, "another picture"

# %% 05-93
stored = next(row for row in draws if (row["model"], row["count"], row["seed"]) == ("mnist_ds", 1, 0))
right, error, mine = round(10_000 * row["MNIST"]), row["logits off"], row
row = stored
assert abs(right - row["right"]) <= 20 and abs(error - row["rms"]) < 0.02, "the stored row does not repeat"
assert mine["input"] == "int8" and mine["bridges"] == 0, "not integers from end to end"

# %% 05-96c
found = {row["made with"]: row for row in rows}
good = found["training images"]
assert found["black images"]["MNIST"] < 0.2 and found["not divided by 255"]["MNIST"] < 0.3, "other damage"
ones = found["only the digit 1"]
assert ones["MNIST"] > 0.99 and ones["logits off"] > 3 * good["logits off"], "ones alone do other damage"
empty = found["a generator, read before"]
assert empty["bytes"] > 1.5 * good["bytes"] and empty["input"] == "float32" and read_before == 500, (
    "the empty one is noticed"
)
island = found["x + sin(x) at the end"]
assert (island["bridges"], good["bridges"], empty["bridges"]) == (2, 0, 0), (
    "the sine has no float island, or others have"
)
assert island["MNIST"] > 0.98 and island["input"] == "int8", "the sine changes the digits"

# %% 05-160
import json
from pathlib import Path

work = Path("work")
assert len(json.loads((work / "05_post_training_quantization.json").read_text(encoding="utf-8"))) == len(record), "lost"
