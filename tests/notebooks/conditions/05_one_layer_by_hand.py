# Conditions of what goes deeper than lesson 05: see tests/notebooks/conditions.py. The names are the notebook's.

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
