# Conditions of "06, deeper: When TFMOT fails": see tests/notebooks/conditions.py. The names are the notebook's.

# %% 06-108
assert "to_quantize" in message, "another message for a layer"

# %% 06-110
message = messages[0]
assert "can only either be a keras Sequential" in message, "TFMOT has another message for Keras 3"
message = messages[1]
assert "Keras 3 model" in message, "the check does not name Keras 3"

# %% 06f-09
assert "object of type: Sequential" in message, "pruning has another message for Keras 3"
assert nothing is None, "clustering gives a model for Keras 3"

# %% 06-112
message = messages[0]
assert "is not supported" in message, "TFMOT has another message for an unknown layer"
message = messages[1]
assert "'norm' (LayerNormalization)" in message, "the check does not name the layer"

# %% 06-114
assert "QuantizeLayer supplied to wrapper" in message, "another message for a wrapped model"

# %% 06-116
assert "can only either be a keras Sequential" in message, "another message for a subclassed model"

# %% 06-118
assert "quantize_scope" in message, "the message does not name the scope"

# %% 06f-15
works = {key: not isinstance(found, str) for key, found in loaded.items()}
assert works == {(".keras", False): False, (".keras", True): False, (".h5", False): False, (".h5", True): True}, (
    "other formats load"
)
again = loaded[".h5", True].predict(tests, verbose=0)
assert np.array_equal(again, expected), "the .h5 file gives other logits"

# %% 06f-17
assert apart == 0, "the weights give other logits"

# %% 06f-19
assert "TFOpLambda" in message, "another message for +"

# %% 06f-22
assert all(row["to"] == "int8" for row in rows if row["operator"] in ("ADD", "CONV_2D")), "a branch is float"
