# Conditions of what goes deeper than lesson 09: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 09r-07
assert [row["budget"] for row in rows] == sorted(row["budget"] for row in rows), "the budgets are not in order"
assert smallest["shipped"] >= 0.95 and smallest["bytes"] <= 1536, "the smallest file reads less than was asked"

# %% 09r-09
assert all(row["bytes"] <= row["budget"] for row in rows), "a file is larger than its budget"
assert all(row["spread"][0] <= row["median"] <= row["spread"][1] for row in rows), "a median is outside its spread"

# %% 09r-12
assert abs(mnist - rows[0]["shipped"]) < 0.0005 and abs(pens - rows[0]["pens"]) < 0.0005, "it reads other digits"

# %% 09r-14
assert all(sum(parts.values()) == files[budget].stat().st_size for budget, parts in kinds.items()), "bytes are missing"

# %% 09r-18
lengths = [len(content) for content in steps.values()]
assert lengths == sorted(lengths, reverse=True) and len(set(lengths)) == 4, "a lever takes nothing away"

# %% 09r-19
assert abs(before - after) < 0.005, "packing costs accuracy"

# %% 09r-21
assert np.abs(values).max() == 7 and len(raw) == (shape.prod() + 1) // 2, "not weights of 4 bits"

# %% 09r-24
assert tried and all("test" not in row for row in tried), "a candidate was judged by test images"
