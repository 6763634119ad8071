# Conditions of the notebook: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 02b-07
assert all(row["changed"] == 0 for row in ran), "a file of Keras 3 reads a digit otherwise"

# %% 02b-13
assert all(row["changed"] == 0 for row in ran), "a file of PyTorch reads a digit otherwise"

# %% 02b-21
assert np.abs(answers - same).max() < 1e-2, "the file answers otherwise than the folder"

# %% 02b-32
assert same and labels_inside == list("0123456789"), "the labels are lost, or the answers changed"
