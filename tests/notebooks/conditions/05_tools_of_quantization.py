# Conditions of what goes deeper than lesson 05: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 05-66
by, eight = {"int16x8 *": {"p50": p50s["int16x8 *"]}}, {"p50": p50s["int8"]}
assert by["int16x8 *"]["p50"] > 3 * eight["p50"], "int16x8 is as fast as int8"

# %% 05t-10
for row in speed["rows"]:
    assert row["float32"] > 0 < row["int8"] and row["instructions"], (
        "a row of the record lacks a time or its instructions"
    )
for newest, faster in (("AVX-512 VNNI", True), ("AVX2", False)):
    of = f"AMD EPYC, {newest},"
    by_set = {(row["kernels"], row["instructions"]): row for row in speed["rows"] if of in row["processor"]}
    fast = by_set.pop(("XNNPACK", newest))
    assert (fast["int8"] < fast["float32"]) == faster, f"XNNPACK's int8 with {newest}"
    assert all(fast[form] < row[form] for row in by_set.values() for form in ("float32", "int8")), "not the fastest"
    assert {name for _, name in by_set} >= {"AVX", "AVX2"}, "a row of the built-in kernels is missing"
    for (_, name), row in by_set.items():
        gain = row["float32"] / row["int8"]
        assert gain < 1.02 if name == "AVX" else gain > 1.2, f"int8 of the built-in kernels with {name}"
    floats = [row["float32"] for row in by_set.values()]
    assert max(floats) < 1.1 * min(floats), "the float32 column moves"

# %% 05t-13
assert list(profile["float32"]) == list(profile["int8"]), "the two files have other operators"

# %% 05-126
assert all(0.15 < row["steps"] < 0.4 for row in healthy), "a healthy layer has another error"

# %% 05-129
test_logits = {"mnist_ds": evaluation.predict(models.model_path("mnist_ds"), x_test)}
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
int8_file = int8_path.read_bytes()
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

# %% 05-154
same = differ == 0
assert same and len(twice) > 0.99 * int8_path.stat().st_size, "the int8 file became another one"
