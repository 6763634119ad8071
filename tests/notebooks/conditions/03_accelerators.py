# Conditions of "03, deeper: Accelerators": see tests/notebooks/conditions.py. The names are the notebook's.

# %% 03g-10
said = here("open batch", lambda: refusal(path))
assert "takes no open batch" in said, "the GPU does not refuse an open batch, or is not asked"

# %% 03g-12
assert evaluation.contract(fixed).batch == 1, "the batch of the converted file is still open"

# %% 03g-14
assert all(yes for _, yes in taken), "the GPU lacks an operator of the course's network"
assert [name for name, _ in taken] == [name for name, _ in record["operators"]], "the file has other operators"

# %% 03g-16c
lacking = [name for name, yes in taken_of_digit if not yes]
assert lacking == ["ARG_MAX", "ONE_HOT"], "the GPU takes other operators of the file than when it was stored"

# %% 03g-18
assert "lacks an operator" in alone, "the GPU alone runs a file with operators that it lacks"
assert not both["whole"], "no operator was left to the CPU"
assert right >= 198, "the split file reads other digits"

# %% 03g-21
assert answers["whole"], "an operator was left to the CPU"
assert answers["same"] == 200 and answers["largest"] < 1e-3, "the GPU answers otherwise than the CPU"
assert answers["largest"] > 0, "the answers of the CPU were compared with themselves"

# %% 03g-23
assert answers["adapter"].startswith("SwiftShader"), "it was another adapter than SwiftShader"
