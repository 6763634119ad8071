# Conditions of what goes deeper than lesson 01: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 01k-06
assert any(name.startswith("tf-keras") for name in needs), "TFMOT does not ask for tf-keras"
assert keras.__version__.startswith("2."), "tf_keras is not Keras 2"

# %% 01k-11
np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg="Keras 2 computes other logits from the same weights")

# %% 01k-15
conv_history = history
assert np.allclose(logged, conv_history["val_accuracy"]), "the log holds other accuracies than the history"
assert len(logged) == 3, "the log has another number of epochs"

# %% 01k-31
for logits in models.values():
    np.testing.assert_allclose(logits, expected, atol=1e-3, err_msg="a saved model gives other logits")
assert not hasattr(exported, "fit"), "the exported model can be trained"

# %% 01k-33b
times = larger
assert times > 10, "TensorFlow is not more than ten times larger than LiteRT"
assert operators > 4 * builtin, "LiteRT has more than a quarter of the operators"
