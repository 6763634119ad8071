# Conditions of what goes deeper than lesson 07: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 07s-08
assert sum(name.startswith("prune") for name in names) == 4, "the policy takes other layers than the 1 x 1 convolutions"

# %% 07s-10
assert part > 0.8 * total, "most of the work stands elsewhere"

# %% 07s-12
assert len(files["zeros"]) == len(files["dense"]), "zeros change the size"
assert len(files["encoded"]) < len(files["dense"]) / 2, "the encoding does not shrink the file"

# %% 07s-17
assert apart < 1e-5, "the encoded file computes something else"

# %% 07s-19b
for row in record["rows"]:
    assert row["same bits: here"], "the record is of a processor that runs other kernels"
    assert not row["same bits: without AVX"], "without AVX the same kernels run"
    assert row["encoded: without AVX"] < 0.6, "without AVX the sparse kernels save little"
