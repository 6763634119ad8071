# Conditions of lesson 03: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 03-09
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
steps, ran = evaluation.operators(interpreter), evaluation.operators(interpreter, delegates=True)
shapes, rest = steps[:4], steps[4:]
assert [step["op_name"] for step in shapes] == ["SHAPE", "STRIDED_SLICE", "PACK", "RESHAPE"], "delegate.svg is wrong"
assert [step["op_name"] for step in rest] == [
    *["CONV_2D", "MAX_POOL_2D", "CONV_2D", "MAX_POOL_2D", "CONV_2D", "RESHAPE", "FULLY_CONNECTED"]
], "delegate.svg is wrong"
assert len(ran) == len(steps) + 1 and ran[-1]["op_name"] == "DELEGATE", "there is not one delegate"
assert shapes[3]["outputs"][0] in ran[-1]["inputs"], "the delegate does not begin behind the first RESHAPE"
assert ran[-1]["outputs"] == rest[-1]["outputs"], "the delegate does not end with the last operator"

# %% 03-23
probabilities = softmax(logits)[0]
digit = int(probabilities.argmax())
assert digit == y_test[0], "the first image gets another digit"
assert abs(probabilities.sum() - 1) < 1e-5, "the probabilities do not sum to 1"

# %% 03-141
assert digit == y_test[0], "the trace gives another digit"

# %% 03-143
assert probability < 0.6, "the model is sure of the image that it should doubt"
assert np.array_equal(image, (x_raw[0] / np.float32(255))[np.newaxis]), "the first image was changed"

# %% 03-26
resizable = [axis for axis, size in enumerate(source["shape_signature"]) if size == -1]
assert resizable == [0], "other axes than the batch may change"
assert source["quantization"][0] == 0, "the float32 file is quantized"

# %% 03-32
assert answer.shape == (5, 10), "the runner did not answer for five images"
assert named.get_input_details()[0]["shape"][0] == 5, "the runner did not resize its interpreter"

# %% 03-56
assert x_test.min() == 0 and x_test.max() == 1, "white is not 1, or black not 0"
assert seconds < 10, "10,000 images take more than ten seconds, even for a very busy machine"

# %% 03-57p
assert accuracy["float32"] > 0.97, "the float32 file is worse than it should be"
assert pen_accuracy["float32"] > 0.98, "strangers' digits are read worse than they should be"
softest = int(softmax(float_logits).max(axis=1).argmin())
assert softest == 6597, "another image is the one of which the model is least sure"

# %% 03-64
assert scale > 0 and zero_point == -128, "the int8 file has another grid than int8_grid.svg"

# %% 03-65
assert np.abs(back - x_test).max() <= scale / 2 + 1e-6, "there and back costs more than half a step"

# %% 03-69
assert abs(accuracy["int8"] - accuracy["float32"]) < 0.005, "int8 costs half a point"
assert all(row["p"] > 0.05 for row in rows), "the two files differ by more than chance"

# %% 03-74
assert {values.dtype.name for values in attempts.values()} == {"int8"}, "an input is not int8"
assert {values.shape for values in attempts.values()} == {(10000, 28, 28)}, "an input has another shape"

# %% 03-75
lost = {name: (measured["correct"] - value) * 100 for name, value in measured.items()}
assert abs(lost["floor instead of round"]) < 0.5, "floor costs more than noise"
assert lost["zero point forgotten"] > 20 and lost["cast without scale"] > 50, "the ruinous mistakes are not"
assert lost["white on black"] > 50 and lost["rows for columns"] > 50, "a turned or inverted digit is read"
assert lost["uint8 read as int8"] > 50, "bytes of uint8 are read as int8"
assert abs(measured["correct"] - accuracy["int8"]) < 1e-9, "the right way is not the one of section 4"

# %% 03-76e
assert [int(says["correct"][k]) for k in range(6)] == y_test[:6].tolist(), "a panel of the right way is wrong"
low, high = seen["zero point forgotten"].min(), seen["zero point forgotten"].max()
assert low > 0.49 and high <= 1.01, "without the zero point paper is not grey"
assert np.ptp(seen["cast without scale"]) < 0.01, "after the cast the digit is still to be seen"
assert set(np.unique(seen["not divided by 255"]).round(2)) == {0, 1}, "not every pixel with ink is full ink"

# %% 03-103
assert (calls > 0).all(), "a call took no time"

# %% 03-105
p50, p95, p99 = np.percentile(warm, [50, 95, 99])
assert p50 <= p95 <= p99, "the percentiles are not in order"
result = evaluation.latency(timed.invoke, warm_up=10, repeats=50)
assert 0 < result["p50"] <= result["p95"], "latency() gives other percentiles"

# %% 03-107
near_mean = np.abs(example - example.mean()) < 0.5 * example.mean()
assert example.mean() > 2.9 * np.median(example) and not near_mean.any(), "the interruption moves the mean too little"

# %% 03-113
slower = p50_of["reference"] > 2 * p50_of["XNNPACK"]
assert slower, "the reference kernels need less than twice the time of XNNPACK"

# %% 03-114t
assert len(by_operator) == 11 and sum(by_operator.values()) > 0, "the operators have no times"

# %% 03-115
assert all(value > 0 for value in by_instructions.values()), "an instruction set took no time"

# %% 03-134
assert keras_logits.shape == (1000, 10), "Keras answered for other images"
assert lead > 2 * TOLERANCE, "the tolerance can change a decision"
same_digits = np.array_equal(float_logits[: len(keras_logits)].argmax(axis=1), keras_logits.argmax(axis=1))
assert difference.max() < TOLERANCE and same_digits, "the float32 file is not the Keras model"
int8_difference = np.abs(int8_logits[: len(keras_logits)] - keras_logits)
int8_same = np.mean(int8_logits[: len(keras_logits)].argmax(axis=1) == keras_logits.argmax(axis=1))
assert int8_difference.max() > TOLERANCE and int8_same > 0.98, "the int8 file is the same function, or a bad one"

# %% 03-149
folder = file.parent
assert len(json.loads((folder / "03_run_the_interpreter.json").read_text(encoding="utf-8"))) == len(record), (
    "the record is not what was measured"
)
