# Conditions of "03, deeper: The interpreter in depth": see tests/notebooks/conditions.py. The names are the notebook's.

# %% 03-37
message = attempt(lambda: int("seven"))
assert message.startswith("ValueError"), "the helper does not name the error"

# %% 03-39
message = said["no batch axis"]
assert "Dimension mismatch" in message, "a missing batch axis is called otherwise"
message = said["a batch of five"]
assert "for dimension 0" in message, "a batch that is too large is called otherwise"
message = said["float64"]
assert "FLOAT64" in message, "float64 is called otherwise"
message = said["uint8"]
assert "UINT8" in message, "uint8 is called otherwise"
message = said["not allocated"]
assert "allocate_tensors" in message, "memory that is not allocated is called otherwise"

# %% 03-43
answer = evaluation.invoke(path, five)
assert np.array_equal(batched.get_tensor(target["index"]).argmax(axis=1), answer.argmax(axis=1)), "other digits"
assert interpreter.get_tensor(target["index"]).argmax() == y_test[0], "the cure of float64 gives another digit"

# %% 03-51
message = missing
assert "no file" in message, "a missing file is called otherwise"
message = damaged
assert "cut short" in message, "a damaged file is called otherwise"

# %% 03-17
assert interpreter.get_tensor(source["index"]).max() == 1, "the interpreter has no copy of its own"

# %% 03-86
assert "reference to internal data" in message, "a view does not stop the interpreter"

# %% 03-88
assert "reference to internal data" in runner_message, "a runner does not stop the interpreter"

# %% 03-90
assert np.array_equal(first, kept) and not np.array_equal(first, second), "a copy changed with the next image"

# %% 03-92
float_logits = evaluation.invoke(path, x_test[:3])
assert interpreter.get_tensor(target["index"]).argmax() == float_logits[2].argmax(), (
    "written through a view: another digit"
)

# %% 03-95
assert y_test[0] != y_test[1] and answers[0] == answers[1], "two threads did not read the same answer"

# %% 03-98
assert answers == float_logits[:1000].argmax(axis=1).tolist(), "threads with interpreters of their own mix answers"

# %% 03-100
for outputs in [evaluation.invoke(path, x_test[:1000], batch=batch) for batch in (1, 10, 500)]:
    part = outputs
    assert np.array_equal(part.argmax(axis=1), float_logits[:1000].argmax(axis=1)), "a batch gives other digits"
for num_threads in (1, 2):
    one = made[1, num_threads]
    logits = []
    for image in x_test[:100]:
        one.set_tensor(index, image[np.newaxis])
        one.invoke()
        logits.append(one.get_tensor(target["index"])[0])
    threaded_logits = np.stack(logits)
    assert np.abs(threaded_logits - float_logits[:100]).max() < 1e-3, "a number of threads gives other logits"

# %% 03-67
assert (scale * (q - zero_point))[0] < 0 < dequantize(q, scale, zero_point)[0], "int8 does not wrap"

# %% 03-71
same_digit = np.array_equal(int8_outputs.argmax(axis=1), int8_logits.argmax(axis=1))
assert same_digit and best_without[unsure] > best_with[unsure] + 0.05, "the scale matters for digits, or for nothing"

# %% 03-83
accuracy, measured = {"float32": rows[0]["MNIST"]}, {"float32, not divided by 255": rows[1]["MNIST"]}
assert measured["float32, not divided by 255"] < accuracy["float32"] + 0.001, "the wrong scale is better"
larger = np.median(np.abs(unscaled_logits)) / np.median(np.abs(float_logits))
assert larger > 100, "the logits are not a hundred times as large"
assert sure["not divided by 255"] > 0.95, "the model is not certain of its mistakes"
assert sure["not divided by 255"] > sure["divided by 255"], "the model is less certain than with the right scale"

# %% 03-116
for kind in kinds.values():
    difference, same = compare(path, x_test, kind)
    assert difference < 1e-3 and same == 200, "a set of kernels gives other logits"

# %% 03-117
for kind in kinds.values():
    steps, same = compare(int8_path, evaluation.quantize_input(x_test[:200], detail), kind)
    assert steps <= 2 and same >= 195, "a set of kernels gives other int8 outputs"

# %% 03-121
assert compiled_logits.argmax() == float_logits[0].argmax(), "CompiledModel gives another digit"

# %% 03-123
assert np.abs(some - float_logits[:1000]).max() < 1e-3, "CompiledModel gives other logits"
assert np.array_equal(some.argmax(axis=1), float_logits[:1000].argmax(axis=1)), "CompiledModel gives other digits"

# %% 03-125
assert np.allclose(ask_interpreter(x_test[0]), ask_compiled(x_test[0]), atol=1e-3), "the two that are timed differ"

# %% 03-127
assert "larger than the tensor buffer" in message, "too many bytes are called otherwise"

# %% 03-130c
assert ended.returncode != 0, "LiteRT no longer writes beyond the buffer: the lesson must say so"
