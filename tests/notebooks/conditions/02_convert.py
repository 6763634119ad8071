# Conditions of lesson 02: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 02-10
import tf_keras as keras

assert keras.__version__.startswith("2."), "the lesson runs with Keras 3"
assert not any(layer.use_bias for layer in model.layers if layer.name.startswith("conv")), "a convolution has a bias"

# %% 02-16
assert max(map(len, files.values())) - min(map(len, files.values())) < 100, "the three doors differ by 100 bytes"
for values in logits.values():
    assert np.array_equal(values.argmax(1), expected.argmax(1)), "a digit differs"
assert [row["same"] for row in rows] == [len(images)] * 3, "a door is missing, or a digit differs"

# %% 02-21
assert all(row["changed"] == 0 for row in rows), "the file reads a digit otherwise than Keras"
assert Path("work/mnist_cnn.tflite").read_bytes() == keras_bytes, "another file was kept"
assert Path("work/my_mnist.tflite").read_bytes() == own_bytes, "another file of the own model was kept"

# %% 02-36
assert parts["logits"] > len(keras_bytes) / 2, "the dense layer has less than half of the bytes"
assert sum(parts.values()) == len(keras_bytes), "the parts are not the file"

# %% 02-46
assert before.count("FusedBatchNormV3") == before.count("Relu") == after.count("CONV_2D"), "not one fusion a block"
assert [step["activation"] for step in convolutions] == ["RELU"] * 3, "ReLU is not fused"


# %% 02-52
def constant(operator, position):
    return operator["constants"][position - 1]


np.testing.assert_allclose(
    constant(operator, 1), folded, rtol=1e-4, atol=1e-6, err_msg="the third block's weights are folded in another way"
)
np.testing.assert_allclose(
    constant(operator, 2), beta - mean * factor, rtol=1e-4, atol=1e-5, err_msg="the third block has another bias"
)
kernel_in_file = constant(convolutions[0], 1)
assert kernel_in_file.tobytes() in keras_bytes, "the weights do not stand in the file as they are"
norm = model.get_layer("norm_1")
gamma, beta, mean, variance = norm.get_weights()
folded = (model.get_layer("conv_1").get_weights()[0] * gamma / np.sqrt(variance + norm.epsilon))[:, :, 0, 0]
np.testing.assert_allclose(
    folded, kernel_in_file[0, :, :, 0], rtol=1e-5, err_msg="the first filter is folded in another way"
)

# %% 02-58
assert set(after) - set(fixed) == {"SHAPE", "STRIDED_SLICE", "PACK"}, "other operators are gone"
assert len(fixed_bytes) < len(keras_bytes), "the fixed file is not smaller"

# %% 02-78
assert abs(good[0] - bad[0]) < 0.03 and bad[1] > good[1], "the wrong scale costs accuracy, or no sure mistakes"

# %% 02-97
assert any(name.startswith("Flex") for name in operator_names(select_bytes)), "no operator needs Flex"
assert "not supported by this interpreter" in message, "the interpreter takes the file"

# %% 02-101
theirs = tf.image.adjust_contrast(images[..., np.newaxis], 2.0)[..., 0]
np.testing.assert_allclose(raise_contrast(images), theirs, atol=1e-5, err_msg="other images than TensorFlow's")
runner = cured_runner
np.testing.assert_allclose(
    runner(image=images)["logits"], reference, atol=1e-3, err_msg="other logits than the TensorFlow function's"
)
