# Conditions of the notebook: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 02-72
assert np.array_equal(answer, expected[:3].argmax(1)), "the three images get other digits than in Keras"

# %% 02f-79
assert differences["biases, too"] < 0.01, "larger biases do not give the right logits times the factor"
assert differences["file as it is"] > 10 * differences["biases, too"], "the biases are not the harm"

# %% 02-89
assert Interpreter(model_content=nameless_bytes).get_signature_list() == {}, "the old path writes a signature"
