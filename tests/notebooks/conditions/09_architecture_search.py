# Conditions of what goes deeper than lesson 09: see tests/notebooks/conditions.py. The names are the notebook's.

# %% 09n-05
assert prices and {row["kind"] for row in stored["rows"]} == {"prices", "search", "winner", "designed", "front"}, (
    "a part of the experiment is missing"
)

# %% 09n-10
assert 0 < len(fitting) < 100, "nearly nothing, or much of the space, is within the limits"

# %% 09n-14
assert max(map(abs, errors)) < 0.05, "the linear model is further off than steering allows"

# %% 09n-18
assert {trials[-1].spent for trials in found.values()} == {budget}, "the methods spent different budgets"
assert found["evolution"][0].accuracies == found["random"][0].accuracies, "the first network differs"

# %% 09n-19
assert all(max(trial.accuracy for trial in trials) > 0.12 for trials in found.values()), "nothing was learned"

# %% 09n-21
for own in curves.values():
    assert len(own) == 5 and {len(curve) for curve in own.values()} == {settings["budget"] + 1}, "seeds or epochs lack"
assert max(seconds) < 600, "a search took longer than ten minutes"

# %% 09n-22
assert chance > 0.05 and abs(np.median(finals["evolution"]) - np.median(finals["random"])) < np.ptp(finals["random"]), (
    "evolution is ahead, or behind, by more than chance"
)

# %% 09n-32
assert ahead == 2 and ranks < 0.9, "the text says that two winners beat the design, and that ranks agree roughly"
best_two = [row for row in winners if row["accuracy"] > designed]
assert all(row["instructions"] < limits.instructions / 2 and "dense" in row["network"] for row in best_two), (
    "a winner that beats the design costs half as much, or ends with a mean"
)
by_method = {name: np.median([row["accuracy"] for row in winners if row["method"] == name]) for name in methods.METHODS}
assert abs(by_method["evolution"] - by_method["random"]) < 0.005, "the medians of the methods are not level"

# %% 09n-28
nano = next(point["accuracy"] for point in points if point["name"] == "mnist_nano")
assert designed < front[-1]["accuracy"] < nano, "the end of the front is not between the two trainings of mnist_nano"
counted_front = [row["instructions"] for row in front]
assert counted_front == sorted(counted_front) and counted_front[-1] <= limits.instructions, "not a front within limits"
