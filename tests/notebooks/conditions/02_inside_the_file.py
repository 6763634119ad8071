# Conditions of the notebook: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 02-28
from tflite_course.lesson.graphs import operator_names

assert after == operator_names(keras_bytes), "the course's function reads other operators"

# %% 02-32
assert len(kernels) == len(biases) == 3, "there are not three convolutions"

# %% 02-48
RELU = schema.ActivationFunctionType.RELU
for operator in convolutions:
    options, place = schema.Conv2DOptions(), operator.BuiltinOptions()
    options.Init(place.Bytes, place.Pos)
    assert options.FusedActivationFunction() == RELU, "ReLU is not fused"

# %% 02-34
from tflite_course.evaluation import size_ledger

assert weights == size_ledger(keras_bytes)["weights"], "size_ledger counts other weights"
assert len(used) < len(tensors), "no buffer is shared"

# %% 02-56
assert 4 * numbers == sum(file.Buffers(number).DataLength() for number in floats), "other numbers in the file"

# %% 02-44
assert "RandomUniform" in operations and "RandomUniform" not in before, "dropout is not where it should be"

# %% 02-105
assert sizes["training.h5"] > 2 * sizes["inference.h5"] > 2 * len(keras_bytes), "the optimizer adds too little"
assert abs(4 * model.count_params() / len(keras_bytes) - 1) < 0.05, "the file is not as large as its weights"

# %% 02-106a
trained = sum(variable.shape.num_elements() for variable in model.trainable_variables)
assert round(per_weight, 1) == 3, "the .h5 file does not hold three numbers for each weight"
assert held["optimizer_weights"] - 1 == 2 * trained, "the optimizer holds other numbers than two for each weight"
assert held["model_weights"] == model.count_params(), "other weights in the .h5 file"

# %% 02-110
assert "deprecated" in message, "the old interpreter is not called deprecated"
assert named <= [int(part) for part in tf.__version__.split(".")[:2]], "the removal is still to come"
assert len(from_converter) == len(from_litert) == 0, "the converter or LiteRT warns"
