"""Search the space by evolution or by chance, within limits and with a budget of trained epochs.

The two methods differ in one thing: where the next candidate comes from. Chance draws it from the space. Evolution
draws the first ones in the same way, and then changes the best of a few of the youngest by one choice.

Source of the evolution: Real et al., "Regularized evolution for image classifier architecture search", AAAI 2019.
Source of the early stopping: the median rule of Golovin et al., "Google Vizier", KDD 2017.
"""

from typing import NamedTuple

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.search.costs import Costs, check_limits, costs_within
from tflite_course.search.space import Network, decode, mutate, sample

METHODS = ("evolution", "random")
POPULATION, TOURNAMENT = 8, 3
MOST_DRAWS = 20_000


class Trial(NamedTuple):
    """A network that was trained: its costs, the accuracy after each of its epochs, and the epochs spent after it."""

    network: Network
    costs: Costs
    accuracies: tuple
    spent: int

    @classmethod
    def stored(cls, entry):
        """Return a Trial of an entry of the stored experiment, a dict: the network as a text, its costs, and so on."""
        found = Costs(*(entry[name] for name in Costs._fields))
        return cls(decode(entry["network"]), found, tuple(entry["accuracies"]), entry["spent"])

    @property
    def accuracy(self):
        """The accuracy after its last epoch."""
        return self.accuracies[-1]


def search(method, limits, budget, proxy, prices, seed=1, *, population=POPULATION, tournament=TOURNAMENT, say=None):
    """Return the Trials of a search in their order; together they spend exactly the budget.

    method: one of METHODS; limits: Costs that no network may exceed; budget: trained epochs; proxy: its
    accuracies(network) yields an accuracy after each of at most proxy.epochs epochs; prices: of the instructions;
    population, tournament: of the evolution, how many of the youngest have children, and of how many the best has one;
    say: gets each Trial. A network is trained once. After each epoch it goes on only when it is at least as good as
    the median of those before it after as many epochs.
    Raises CourseError for an unknown method, a budget that is not a whole number above zero, and limits that no
    network keeps.
    """
    if method not in METHODS:
        raise CourseError(f"There is no method '{method}': choose from {', '.join(METHODS)}.")
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1:
        raise CourseError(f"A budget of {budget!r} epochs cannot be spent: give a whole number above zero.")
    check_limits(limits, prices)
    candidates = _Candidates(method, limits, prices, seed, population, tournament)
    trials, spent = [], 0
    while spent < budget:
        network, found = candidates.next(trials)
        accuracies = train_with_stopping(network, proxy, trials, budget - spent)
        spent += len(accuracies)
        trials.append(Trial(network, found, accuracies, spent))
        if say is not None:
            say(trials[-1])
    return trials


def train_with_stopping(network, proxy, trials, most):
    """Return the accuracies of a network, a tuple: it stops below the median of the trials, or after `most` epochs."""
    accuracies = []
    for accuracy in proxy.accuracies(network):
        accuracies.append(accuracy)
        epoch = len(accuracies)
        others = [trial.accuracies[epoch - 1] for trial in trials if len(trial.accuracies) >= epoch]
        if epoch >= min(most, proxy.epochs) or (others and accuracy < np.median(others)):
            break
    return tuple(accuracies)


class _Candidates:
    """Gives the next network: new, and within the limits."""

    def __init__(self, method, limits, prices, seed, population, tournament):
        self.population, self.tournament = population, tournament
        self.method, self.limits, self.prices, self.seen = method, limits, prices, set()
        self.draw, self.change = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])

    def next(self, trials):
        """Return (network, costs) for what was found so far."""
        for _ in range(MOST_DRAWS):
            if self.method == "evolution" and len(trials) >= self.population:
                youngest = trials[-self.population :]
                chosen = self.change.choice(self.population, self.tournament, replace=False)
                parent = max((youngest[place] for place in chosen), key=lambda trial: trial.accuracy)
                network = mutate(parent.network, self.change)
            else:
                network = sample(self.draw)
            if network not in self.seen and (found := costs_within(network, self.limits, self.prices)):
                self.seen.add(network)
                return network, found
        raise CourseError(
            f"{MOST_DRAWS:,} networks in a row were too large or known already, after {len(trials)} that fit: "
            f"raise a limit, or lower the budget."
        )


def best_so_far(trials, epochs):
    """Return [(epochs spent, accuracy)]: the best of the networks that were trained to the end, where it improved.

    epochs: what a network has that was not stopped.
    """
    steps, best = [], 0.0
    for trial in trials:
        if len(trial.accuracies) == epochs and trial.accuracy > best:
            best = trial.accuracy
            steps.append((trial.spent, best))
    return steps


def front(trials, cost, epochs, step=0.0):
    """Return the Trials, trained to the end, that no other beats in a cost and in accuracy, the cheapest first.

    step: each is better than the one before by more than this.
    """
    found = []
    for trial in sorted(trials, key=lambda trial: (getattr(trial.costs, cost), -trial.accuracy)):
        if len(trial.accuracies) == epochs and (not found or trial.accuracy > found[-1].accuracy + step):
            found.append(trial)
    return found
