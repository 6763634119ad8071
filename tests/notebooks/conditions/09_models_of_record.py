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
sizes = [path.stat().st_size for path in files.values()]
assert [sum(parts.values()) for parts in kinds.values()] == sizes, "bytes are missing"
shares = [parts["tables"] / size for parts, size in zip(kinds.values(), sizes, strict=True)]
assert shares == sorted(shares, reverse=True), "the share of the tables does not fall with the size"

# %% 09r-18
lengths = [len(content) for content in steps.values()]
taken = [a - b for a, b in zip(lengths, lengths[1:], strict=False)]
assert taken == sorted(taken, reverse=True) and taken[-1] > 0, (
    "a lever takes nothing away, or the first is not the most"
)

# %% 09r-19
assert abs(before - after) < 0.005, "packing costs accuracy"

# %% 09r-21
assert np.abs(values).max() == 7 and len(raw) == (shape.prod() + 1) // 2, "not weights of 4 bits"

# %% 09r-24
assert tried and all("test" not in row for row in tried), "a candidate was judged by test images"
for budget in ("3072", "4096"):
    by_mean, *by_place = (row["validation"] for row in tried if row["budget"] == budget)
    assert len(by_place) == 2 and min(by_place) > by_mean + 0.005, "the mean of ten maps is not clearly behind"
assert {int(row["budget"]) for row in tried} == set(files), "a budget has no candidate"
reads = {row["budget"]: row["shipped"] for row in rows}
assert reads[6656] <= reads[4096], "the larger file reads more"
