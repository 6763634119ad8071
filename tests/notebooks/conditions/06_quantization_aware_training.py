# Conditions of lesson 06: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 06-07
x = np.random.default_rng(0).uniform(-2, 3, 10_000).astype(np.float32)
for bits in (2, 3, 4, 8):
    theirs = tf.quantization.fake_quant_with_min_max_vars(x, LOW, HIGH, num_bits=bits).numpy()
    same = np.allclose(fake_quantize(x, LOW, HIGH, bits), theirs, atol=1e-5)
    assert same and len(np.unique(theirs)) == 2**bits, "the formula is not TensorFlow's"

# %% 06-11
assert tape.gradient(rounded, variable) is None, "round has a gradient"
positions, stairs = variable.numpy(), faked.numpy()
flat = np.mean(np.diff(stairs) == 0)
inside = (positions >= stairs.min()) & (positions <= stairs.max())
assert np.array_equal(gradient, inside), "the gradient is not 1 inside the range and 0 outside"
assert flat > 0.99, "the staircase is not flat"

# %% 06-17
stairs = faked.numpy()
nearest = np.unique(stairs)[np.abs(np.unique(stairs) - 1.3).argmin()]
assert learn(tf.round) == np.float32(0.2), "the weight behind round moved"
assert np.isclose(float(three_bits(learned)), nearest), "the weight does not reach the best step"

# %% 06-18a
assert learn(three_bits, -3.0) == -3.0 and learn(three_bits, 5.0) == 5.0, "a clipped weight comes back"

# %% 06-22
ranges = {variable.name: variable.numpy() for variable in untrained.weights}
for name in ("quant_conv_1/kernel_min:0", "quant_relu_1/output_min:0", "quant_relu_1/output_max:0"):
    assert set(np.abs(ranges[name]).ravel()) == {6.0}, "the placeholders are not 6"

# %% 06-24
plain = np.mean(model.predict(few, verbose=0).argmax(1) == few_labels)
assert blank < 0.3 < 0.99 < plain, "the wrapped model does not guess"

# %% 06-42
scale = evaluation.make_interpreter(qat_int8).get_output_details()[0]["quantization"][0]
assert np.isclose(scale, (high - low) / 255, rtol=1e-4), "the file has another range than the Keras model"
STEPS = -(-IMAGES // BATCH)  # rounded up: the last batch is smaller
assert np.isclose(relu_low, -6 * 0.999**STEPS, rtol=1e-4), "the moving average is another one"

# %% 06-44
assert high < float_logits.max() / 2, "the range is wide enough"

# %% 06-48
assert 0.999**needed <= 0.01 < 0.999 ** (needed - 1), "the number of steps is wrong"

# %% 06-52
begins = {v.name: float(v) for v in untrained.weights if v.shape.rank == 0}["quant_relu_1/output_min:0"]
assert abs(begins) < 0.1, "the grid of relu_1 begins at the placeholder"
assert repaired > 0.98, "ranges that are set do not bring the model back"

# %% 06-59
qat_accuracy, control_accuracy = mine["QAT"], mine["control"]
assert qat_accuracy > 0.985, "QAT answers worse"
assert control_accuracy > 0.99, "the control answers worse"
for method, share in mine.items():
    agrees = abs(share - shares("int8_cnn", method)[SEED] / 100) < 0.002
    assert agrees, "far from the stored run"

# %% 06-62
table = {row["name"]: row for row in eight_rows}
for name in ("int8, control", "int8, QAT"):
    row, other = table[name], table["int8, control"]
    overlap = row["low"] <= other["high"] and other["low"] <= row["high"]
    assert overlap and row["changed"] > table["int8, not trained on"]["changed"], "training moves fewer answers"
order = [table[name]["pens"] for name in ("int8, not trained on", "int8, control", "int8, QAT")]
assert order == sorted(order, reverse=True), "another order on pen digits"

# %% 06-63
found = {row["against int8, control"]: row for row in duels(eight, "int8, control", digits)}
for name in ("int8, not trained on", "int8, QAT", "int8, QAT, ranges set"):
    for title in ("MNIST", "pens"):
        assert float(found[name][f"{title}: p"]) > 0.05, f"chance does not explain a difference on {title}"

# %% 06-69
low, high = evaluation.accuracy_band(round(shares("int8_cnn", "control")[0] * 100), len(x_test))
noise = 100 * (high - low) / 2


def difference(part, method="QAT"):
    return shares(part, method) - shares(part, "control")


for method in ("QAT", "QAT, ranges set"):
    gains = difference("int8_cnn", method)
    assert np.abs(gains).max() < 0.06 < noise, "QAT and its control are not level with 8 bits"
gains = difference("int4_ds")
assert gains.min() > 0 and gains.mean() > noise and gains.mean() > 3 * difference("int4_cnn").mean(), (
    "QAT does not win on mnist_ds, or wins on mnist_cnn as much"
)

# %% 06-98
table = {row["name"]: row for row in four_rows}
assert table["4 bits, QAT"]["changed"] < table["4 bits, control"]["changed"], "QAT changes more answers"
assert abs(table["4 bits, QAT"]["pens"] - table["4 bits, control"]["pens"]) < 0.005, "QAT matters on pen digits"
assert table["4 bits, control"]["pens"] > table["4 bits, not trained on"]["pens"] + 0.005, "training does not matter"
found = {row["against 4 bits, control"]: row for row in duels(four, "4 bits, control", digits)}["4 bits, QAT"]
assert found["MNIST: p"] == "<0.001" and float(found["pens: p"]) > 0.05, "QAT does not win on MNIST alone"

# %% 06-99e
assert rows[0]["network"] == "mnist_cnn", "another first row"
for row in rows:
    ways = [row[way] for way in ("largest", "least squares", "norms anew")]
    assert ways == sorted(ways) and ways[-1] > 0.85 > 2 * ways[0], "a cure does not help"

four_bits = measure_norms(with_low_bits(small, 4, "least squares"), x_train[:4000])
at_four = np.mean(four_bits.predict(x_test, batch_size=500, verbose=0).argmax(1) == y_test)
assert abs(at_four - shares("int4_ds", "QAT").mean() / 100) < 0.0015, "better ranges are not level with QAT at 4 bits"

# %% 06-99g
ds = border[border["model"] == "mnist_ds"].set_index(["bits", "method", "seed"])
for bits in (4, 3):
    mean = {way: ds.loc[(bits, way), "MNIST"].mean() for way in ("norms", "QAT", "QAT, ranges")}
    assert max(mean.values()) - min(mean.values()) < 0.0015, "QAT and better ranges are not level"
    assert ds.loc[(bits, "norms"), "pens"].mean() > max(
        ds.loc[(bits, way), "pens"].mean() for way in ("control", "QAT", "QAT, ranges")
    ), "a training reads pens better"
    split = [[ds.loc[(bits, "QAT, ranges", seed), f"pens {key}"] for key in ("fixed", "broken")] for seed in range(3)]
    behind = [broken > fixed and evaluation.sign_test(fixed, broken) < 0.01 for fixed, broken in split]
    assert sum(behind) == 2, "the cures read pens better with another number of seeds"
for seed in range(3):
    for title in ("MNIST", "pens"):
        fixed, broken = (ds.loc[(2, "QAT, ranges", seed), f"{title} {key}"] for key in ("fixed", "broken"))
        assert evaluation.sign_test(fixed, broken) < 0.001 and fixed > 3 * broken, "QAT on the better grid does not win"
        for way in ("QAT", "control"):
            assert ds.loc[(2, way, seed), title] < ds.loc[(2, "norms", seed), title], f"{way} does not lose"
cnn = border[border["model"] == "mnist_cnn"].set_index(["bits", "method", "seed"])
for method in ("control", "QAT", "QAT, ranges"):
    for _, row in cnn.loc[[4, 3]].xs(method, level="method").iterrows():
        assert row["pens broken"] > row["pens fixed"], "a training of mnist_cnn costs no pens"
best = cnn.loc[2].loc["QAT, ranges"]
for _, row in best.iterrows():
    assert evaluation.sign_test(row["MNIST fixed"], row["MNIST broken"]) < 0.001, "QAT does not win on mnist_cnn"
assert (best["MNIST fixed"] > best["MNIST broken"]).all(), "QAT on the better grid loses digits of MNIST"
assert (best["pens fixed"] > best["pens broken"]).sum() == 2, "QAT wins on pens with another number of seeds"
nano = border[(border["model"] == "mnist_nano") & (border["method"] == "QAT, ranges") & (border["bits"] > 2)]
for _, row in nano.iterrows():
    assert row["MNIST fixed"] > row["MNIST broken"], "QAT does not win on mnist_nano"
    assert evaluation.sign_test(row["MNIST fixed"], row["MNIST broken"]) < 0.02, "chance explains it on mnist_nano"

# %% 06-125
assert models.read_model(folder / "mnist_cnn_qat_int8.tflite") == qat_int8, "another file was written"
