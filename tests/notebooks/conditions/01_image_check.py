# Conditions of what goes deeper than lesson 01: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 01i-12
assert len(need_eyes) == 3, "other mistakes than three are left to the eyes"
assert wrapped.any(), "no pixel has wrapped around"
