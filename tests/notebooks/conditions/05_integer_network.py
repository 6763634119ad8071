# Conditions of what goes deeper than lesson 05: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 05d-09
kinds = {operator[0] for net in nets.values() for operator in net.operators}
assert len(kinds - {"SHAPE", "STRIDED_SLICE", "PACK", "RESHAPE"}) == 5, "there are not five kinds to write"

# %% 05d-24
assert (
    0 < np.count_nonzero(results["in float32"] - results["once"]) < np.count_nonzero(results["twice"] - results["once"])
), "another way is nearer to rounding once"
for name in ("twice", "in float32"):
    assert np.abs(results[name] - results["once"]).max() == 1, "two ways differ by more than a step"

# %% 05d-31
assert np.array_equal(finish(net, operator, sums, twice), seen[output]), "the convolution does not round twice"
assert not np.array_equal(finish(net, operator, sums, once), seen[output]), "the convolution rounds once"

# %% 05d-35
for row in rows:
    exact = "once" if row["operator"] == "FULLY_CONNECTED" else "twice"
    assert row[exact] == 0, f"{row['model']}, {row['operator']}: the reference kernel rounds in another way"
assert any(row["twice"] for row in rows if row["operator"] == "FULLY_CONNECTED"), "a dense layer may round twice, too"

# %% 05d-37
assert not any(row["in float32"] for row in fast_rows), "XNNPACK does not multiply in float32"
assert any(row["once"] for row in fast_rows), "rounding once is as good as float32"

# %% 05d-44
for name in NAMES:
    digits = run(name, images, xnnpack_way)[nets[name].output].argmax(axis=1)
    assert (digits == y_test[:100]).mean() > 0.95, "the network in NumPy reads no digits"

# %% 05d-46
values = list(share.values())
assert values[0] == 0 < values[1] < values[-1], "the difference does not begin at the first convolution and grow"

# %% 05d-48
for name in NAMES:
    pair = [seen[name][nets[name].output] for seen in (truth, fast)]
    assert np.abs(pair[0].astype(int) - pair[1]).max() <= 1, "logits differ by more than a step"

# %% 05d-54
import json

from tflite_course.resources import resource

on_arm = [
    row
    for row in json.loads(resource("assets/targets/linux.json").read_text(encoding="utf-8"))["rows"]
    if row["against"] == "LiteRT XNNPACK, x86-64" and row["model"] == name == "mnist_small"
]
assert [row["of"] - row["bit_exact"] for row in on_arm] == [rows], "one rounding explains other rows than Arm's"
