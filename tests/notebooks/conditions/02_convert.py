# Conditions of lesson 02: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 02-06
assert keras.__version__.startswith("2."), "the lesson runs with Keras 3"

# %% 02-08
assert not any(layer.use_bias for layer in model.layers if layer.name.startswith("conv")), "a convolution has a bias"

# %% 02-16
assert max(map(len, files.values())) - min(map(len, files.values())) < 100, "the three doors differ by 100 bytes"

# %% 02-20
for values in logits.values():
    assert np.array_equal(values.argmax(1), expected.argmax(1)), "a digit differs"

# %% 02-32
assert len(kernels) == len(biases) == 3, "there are not three convolutions"

# %% 02-34
from tflite_course.evaluation import size_ledger

assert weights == size_ledger(keras_bytes)["weights"], "size_ledger counts other weights"
assert len(used) < len(tensors), "no buffer is shared"

# %% 02-36
assert parts["logits"] > len(keras_bytes) / 2, "the dense layer has less than half of the bytes"

# %% 02-44
assert "RandomUniform" in operations and "RandomUniform" not in before, "dropout is not where it should be"

# %% 02-46
assert before.count("FusedBatchNormV3") == before.count("Relu") == after.count("CONV_2D"), "not one fusion a block"

# %% 02-48
RELU = schema.ActivationFunctionType.RELU
for operator in convolutions:
    options, place = schema.Conv2DOptions(), operator.BuiltinOptions()
    options.Init(place.Bytes, place.Pos)
    assert options.FusedActivationFunction() == RELU, "ReLU is not fused"

# %% 02-50
assert kernel_in_file.tobytes() in keras_bytes, "the weights do not stand in the file as they are"

# %% 02-52
np.testing.assert_allclose(
    folded, kernel_in_file[0, :, :, 0], rtol=1e-5, err_msg="the first filter is folded in another way"
)

# %% 02-56
assert 4 * numbers == sum(file.Buffers(number).DataLength() for number in floats), "other numbers in the file"

# %% 02-58
assert set(after) - set(fixed) == {"SHAPE", "STRIDED_SLICE", "PACK"}, "other operators are gone"
assert len(fixed_bytes) < len(keras_bytes), "the fixed file is not smaller"

# %% 02-72
assert np.array_equal(answer, expected[:3].argmax(1)), "the three images get other digits than in Keras"

# %% 02-78
assert abs(good[0] - bad[0]) < 0.03 and bad[1] > good[1], "the wrong scale costs accuracy, or no sure mistakes"

# %% 02-99
np.testing.assert_allclose(raise_contrast(images), theirs, atol=1e-5, err_msg="other images than TensorFlow's")

# %% 02-101
np.testing.assert_allclose(
    runner(image=images)["logits"], reference, atol=1e-3, err_msg="other logits than the TensorFlow function's"
)

# %% 02-105
assert sizes["training.h5"] > 2 * sizes["inference.h5"] > 2 * len(keras_bytes), "the optimizer adds too little"
assert abs(4 * model.count_params() / len(keras_bytes) - 1) < 0.05, "the file is not as large as its weights"

# %% 02-110
assert "deprecated" in message, "the old interpreter is not called deprecated"
assert named <= [int(part) for part in tf.__version__.split(".")[:2]], "the removal is still to come"
assert len(from_converter) == len(from_litert) == 0, "the converter or LiteRT warns"
