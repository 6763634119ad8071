"""The architecture search: its space, exact costs, both methods on equal terms, and the stored experiment."""

import itertools
import re
import sys

import numpy as np
import pytest

from tests import ROOT
from tflite_course import evaluation
from tflite_course.errors import CourseError
from tflite_course.lesson import stored_record
from tflite_course.lesson.search import draw_costs, draw_searches, search_curves, winner_rows
from tflite_course.search import methods, space
from tflite_course.search.costs import (
    ACTIONS,
    Costs,
    action_counts,
    activation_memory,
    check_limits,
    costs,
    costs_within,
    emulated_instructions,
    fit_prices,
    over,
    predicted_instructions,
)
from tflite_course.search.placeholder import placeholder
from tflite_course.search.space import Block, Network, decode, mutate, sample
from tflite_course.search.training import Proxy
from tflite_course.targets.firmware import board, export_c

RECORD = stored_record("architecture_search")
PRICES = RECORD["rows"][0]["prices"]
LIMITS = Costs(**RECORD["settings"]["limits"])
SEEDS = RECORD["settings"]["seeds"]
AMPLE = Costs(10**6, 10**6, 10**9)


class Landscape:
    """In place of a training: a network is as good as a rule says, a little better after each epoch."""

    epochs = 3

    def __init__(self, rule=None):
        self.asked, self.rule = [], rule or (lambda network: sum(block.filters for block in network.blocks) / 100)

    def accuracies(self, network):
        self.asked.append(network)
        for epoch in range(1, self.epochs + 1):
            yield self.rule(network) + 0.01 * epoch


def drawn(count, seed=0):
    draw = np.random.default_rng(seed)
    return [sample(draw) for _ in range(count)]


# the space


def test_the_text_of_a_network_comes_back():
    for network in drawn(300):
        assert decode(str(network)) == network
    assert decode("conv 8 stride,separable 12 pool , average") == Network(
        (Block("conv", 8, "stride"), Block("separable", 12, "pool")), "average"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("average", "The network has 0 blocks: the space has networks of 1 to 4."),
        ("conv 8, average", "'conv 8' is not a block"),
        ("conv x stay, average", "'conv x stay' is not a block"),
        ("conv 7 stay, average", "A block has '7': choose from 4, 6, 8, 12, 16, 24."),
        ("dense 8 stay, average", "A block has 'dense': choose from conv, separable."),
        ("conv 8 up, average", "A block has 'up': choose from stay, stride, pool."),
        ("conv 8 stay, conv 8 stay", "The network ends with 'conv 8 stay': choose from average, dense."),
        ("conv 8 stay, " * 5 + "dense", "The network has 5 blocks"),
        ("conv 8 pool, " * 4 + "dense", "4 blocks halve the map: 3 are the most"),
        ("", "The network has 0 blocks"),
    ],
)
def test_a_text_that_is_not_in_the_space_is_one_sentence(text, said):
    with pytest.raises(CourseError, match=re.escape(said)):
        decode(text)


def test_a_mutation_stays_in_the_space_and_changes_one_thing():
    draw, network, changes = np.random.default_rng(1), decode("conv 4 stay, average"), set()
    for _ in range(600):
        child = mutate(network, draw)
        assert space.problem_of(child) is None and child != network
        longer, shorter = sorted((child.blocks, network.blocks), key=len, reverse=True)
        if len(longer) == len(shorter):
            pairs = zip(
                [*itertools.chain(*longer), child.head], [*itertools.chain(*shorter), network.head], strict=True
            )
            assert sum(one != other for one, other in pairs) == 1
            changes.add("value")
        else:
            assert len(longer) == len(shorter) + 1 and child.head == network.head
            assert shorter in [longer[:k] + longer[k + 1 :] for k in range(len(longer))]
            changes.add("block")
        network = child
    assert changes == {"value", "block"}


def test_the_networks_are_counted(monkeypatch):
    monkeypatch.setattr(space, "MOST_BLOCKS", 3)
    monkeypatch.setattr(space, "MOST_HALVED", 2)
    monkeypatch.setattr(space, "FILTERS", (4, 8))
    blocks = [Block(*choice) for choice in itertools.product(space.KINDS, space.FILTERS, space.STEPS)]
    found = 0
    for count in range(1, 4):
        for chosen in itertools.product(blocks, repeat=count):
            found += sum(space.problem_of(Network(chosen, head)) is None for head in space.HEADS)
    assert space.count() == found


# costs


@pytest.fixture(
    scope="module",
    params=[
        "separable 4 stride, average",
        pytest.param("conv 6 stride, separable 12 pool, conv 8 stay, dense", marks=pytest.mark.slow),
        pytest.param("separable 8 pool, conv 8 pool, separable 6 stay, average", marks=pytest.mark.slow),
    ],
)
def converted(request):
    """Return (network, its stripped .tflite); it was trained for a few steps, because fresh weights repeat."""
    from tflite_course.authoring.experiments.architecture_search import trained
    from tflite_course.datasets import load_mnist

    (x, y), _ = load_mnist()
    network = decode(request.param)
    return network, trained(network, (x[:640], y[:640]), 1, 1)


def test_bytes_and_memory_are_those_of_the_converted_file(converted):
    network, content = converted
    assert len(placeholder(network)) == len(content)
    source, _ = export_c.export(content)
    assert activation_memory(network) == int(re.search(r"static int8_t arena\[(\d+)\]", source)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="TFLM has wheels for Linux alone")
def test_the_tensors_take_as_much_in_the_arena_of_tflm(converted):
    pytest.importorskip("tflite_micro")
    from tflite_course.authoring.targets.firmware import native_output
    from tflite_course.targets import tflm

    network, content = converted
    report = native_output(tflm.make_interpreter(content).print_allocations)
    head = int(re.search(r"allocation head (\d+)", report)[1])
    if network.head == "average":  # TFLM copies what it reshapes; each tensor takes a multiple of 16 bytes
        assert activation_memory(network) <= head <= activation_memory(network) + 30
    else:
        assert head >= activation_memory(network)


def test_operators_are_those_of_the_converted_file(converted):
    network, content = converted
    steps = evaluation.operators(evaluation.make_interpreter(content))
    names = [step["op_name"] for step in steps if step["op_name"] != "DELEGATE"]
    assert names == [step.name for step in space.operators(network)]


def test_a_placeholder_runs():
    for network in drawn(10, seed=5):
        answers = evaluation.predict(placeholder(network), np.zeros((2, 28, 28), np.float32))
        assert answers.shape == (2, 10) and np.array_equal(answers[0], answers[1])


@pytest.mark.skipif(bool(board.missing_packages()), reason="needs the packages of lesson 12")
def test_instructions_are_predicted_within_five_percent():
    images = np.random.default_rng(0).integers(-128, 128, (3, 28, 28), np.int8)
    for text in ("conv 6 stride, separable 12 pool, average", "conv 4 stride, conv 8 stride, dense"):
        network = decode(text)
        counted = emulated_instructions(placeholder(network), images)
        assert abs(predicted_instructions(network, PRICES) / counted - 1) < 0.05, text


def test_prices_are_found_again():
    prices = dict(zip(ACTIONS, np.arange(1.0, len(ACTIONS) + 1), strict=True))
    networks = drawn(80)
    counted = [action_counts(network) @ list(prices.values()) for network in networks]
    assert fit_prices(networks, counted) == pytest.approx(prices, rel=1e-3)


def test_only_what_keeps_all_limits_is_within_them():
    for network in drawn(60, seed=2):
        found = costs(network, PRICES)
        assert costs_within(network, found, PRICES) == found
        for name in Costs._fields:
            smaller = found._replace(**{name: getattr(found, name) - 1})
            assert over(found, smaller) == [name] and costs_within(network, smaller, PRICES) is None


# budgets that cannot be


@pytest.mark.parametrize(("name", "unit"), [("bytes", "bytes"), ("memory", "bytes of activation memory")])
def test_an_impossible_limit_is_one_sentence(name, unit):
    with pytest.raises(CourseError) as error:
        methods.search("random", AMPLE._replace(**{name: 500}), 10, Landscape(), PRICES)
    found = re.fullmatch(
        rf"No network of this space fits into 500 {unit}: the smallest needs ([\d,]+)\. Raise the limit\.",
        str(error.value),
    )
    least = int(found[1].replace(",", ""))
    check_limits(AMPLE._replace(**{name: least}), PRICES)  # it is reached
    assert all(getattr(costs(network, PRICES), name) >= least for network in drawn(200, seed=3))


@pytest.mark.parametrize("limit", [0, -1, float("nan"), None, True, "4024"])
def test_a_limit_that_is_no_number(limit):
    with pytest.raises(CourseError, match="is not a number above zero"):
        methods.search("evolution", AMPLE._replace(instructions=limit), 10, Landscape(), PRICES)


@pytest.mark.slow
def test_limits_that_no_network_keeps_together():
    alone = [min(getattr(costs(network, PRICES), name) for network in drawn(300)) for name in Costs._fields]
    limits = Costs(alone[0], alone[1], alone[2])
    check_limits(limits, PRICES)
    with pytest.raises(CourseError, match="networks in a row were too large or known already"):
        methods.search("random", limits, 50, Landscape(), PRICES)


@pytest.mark.parametrize("budget", [0, -3, 2.5, True, None, "10"])
def test_a_budget_that_cannot_be_spent(budget):
    with pytest.raises(CourseError, match="cannot be spent: give a whole number above zero"):
        methods.search("random", AMPLE, budget, Landscape(), PRICES)


def test_an_unknown_method():
    with pytest.raises(CourseError, match="There is no method 'grid': choose from evolution, random"):
        methods.search("grid", AMPLE, 10, Landscape(), PRICES)


# both methods


@pytest.mark.parametrize("method", methods.METHODS)
def test_a_search_repeats_spends_its_budget_and_keeps_the_limits(method):
    one, two = (methods.search(method, LIMITS, 50, Landscape(), PRICES, seed=4) for _ in range(2))
    assert one == two
    assert one != methods.search(method, LIMITS, 50, Landscape(), PRICES, seed=5)
    assert one[-1].spent == sum(len(trial.accuracies) for trial in one) == 50
    assert len({trial.network for trial in one}) == len(one)
    assert all(over(trial.costs, LIMITS) == [] and trial.costs == costs(trial.network, PRICES) for trial in one)


def test_both_methods_begin_with_the_same_networks():
    found = {name: methods.search(name, LIMITS, 50, Landscape(), PRICES, seed=6) for name in methods.METHODS}
    first = methods.POPULATION
    assert found["evolution"][:first] == found["random"][:first]
    assert found["evolution"][first].network != found["random"][first].network


def test_a_child_differs_in_one_choice_from_one_of_the_youngest():
    trials = methods.search("evolution", AMPLE, 60, Landscape(), PRICES, seed=1, population=5, tournament=2)
    for k in range(5, len(trials)):
        child, parents = trials[k].network, [trial.network for trial in trials[k - 5 : k]]
        changed = [abs(len(child.blocks) - len(parent.blocks)) <= 1 for parent in parents]
        assert any(changed)


@pytest.mark.slow
def test_evolution_climbs_where_there_is_a_slope():
    best = {
        method: [
            max(t.accuracy for t in methods.search(method, AMPLE, 90, Landscape(), PRICES, seed)) for seed in range(5)
        ]
        for method in methods.METHODS
    }
    assert np.mean(best["evolution"]) > np.mean(best["random"])


def test_a_network_stops_below_the_median():
    def trial(*accuracies):
        return methods.Trial(None, None, accuracies, 0)

    network = decode("conv 16 stay, average")  # 0.17, 0.18, 0.19
    for others, epochs in (
        ([], 3),
        ([trial(0.10), trial(0.17)], 3),  # above the median
        ([trial(0.30), trial(0.10), trial(0.20)], 1),  # below 0.20
        ([trial(0.10, 0.50), trial(0.12, 0.60)], 2),  # below after its second epoch
    ):
        assert len(methods.train_with_stopping(network, Landscape(), others, 9)) == epochs
    assert len(methods.train_with_stopping(network, Landscape(), [], 2)) == 2  # the budget ends


def test_best_so_far_and_front_count_only_what_was_trained_to_the_end():
    def trial(instructions, spent, *accuracies):
        return methods.Trial(None, Costs(1, 1, instructions), accuracies, spent)

    trials = [trial(50, 2, 0.5, 0.6), trial(10, 3, 0.9), trial(70, 5, 0.5, 0.55), trial(90, 7, 0.5, 0.8)]
    assert methods.best_so_far(trials, 2) == [(2, 0.6), (7, 0.8)]
    assert [found.costs.instructions for found in methods.front(trials, "instructions", 2)] == [50, 90]


def test_a_network_that_is_known_is_not_trained_again(monkeypatch):
    started = []

    def training(self, network):
        started.append(str(network))
        yield from (0.1, 0.2, 0.3)

    monkeypatch.setattr(Proxy, "_train", training)
    proxy, network = Proxy(None, None), decode("conv 4 stay, average")
    assert next(proxy.accuracies(network)) == 0.1
    assert len(started) == 1
    assert list(itertools.islice(proxy.accuracies(network), 1)) == [0.1] and len(started) == 1
    assert list(itertools.islice(proxy.accuracies(network), 3)) == [0.1, 0.2, 0.3] and len(started) == 2
    assert list(itertools.islice(proxy.accuracies(network), 3)) == [0.1, 0.2, 0.3] and len(started) == 2


# the stored experiment


def rows_of(kind):
    return [row for row in RECORD["rows"] if row["kind"] == kind]


def test_the_stored_searches_are_complete_and_equal_in_budget():
    searches = {(row["seed"], row["method"]): row["trials"] for row in rows_of("search")}
    assert sorted(searches) == sorted(itertools.product(SEEDS, methods.METHODS)) and len(SEEDS) == 5
    for trials in searches.values():
        assert sum(len(trial["accuracies"]) for trial in trials) == RECORD["settings"]["budget"] == trials[-1]["spent"]
        assert len({trial["network"] for trial in trials}) == len(trials)
    first = RECORD["settings"]["population"]
    for seed in SEEDS:
        assert searches[seed, "evolution"][:first] == searches[seed, "random"][:first], seed


def test_the_stored_costs_are_those_of_the_networks_and_keep_the_limits():
    for row in rows_of("search"):
        for trial in row["trials"]:
            found = costs(decode(trial["network"]), PRICES)
            assert found._asdict() == {name: trial[name] for name in Costs._fields}, trial["network"]
            assert over(found, LIMITS) == []


def test_the_winners_are_the_best_by_validation_and_were_counted():
    winners = {(row["seed"], row["method"]): row for row in rows_of("winner")}
    assert sorted(winners) == sorted(itertools.product(SEEDS, methods.METHODS))
    for search in rows_of("search"):
        winner = winners[search["seed"], search["method"]]
        finished = [t for t in search["trials"] if len(t["accuracies"]) == RECORD["settings"]["epochs"]]
        assert winner["validation"] == max(trial["accuracies"][-1] for trial in finished)
        (own,) = [trial for trial in finished if trial["network"] == winner["network"]]
        assert (own["bytes"], own["memory"]) == (winner["bytes"], winner["memory"])
        assert over(Costs(*(winner[name] for name in Costs._fields)), LIMITS) == []
        assert abs(winner["predicted"] / winner["instructions"] - 1) < 0.05
    assert sorted(row["seed"] for row in rows_of("designed")) == list(SEEDS)


def test_the_limits_are_the_costs_of_mnist_nano():
    (nano,) = {tuple(row[name] for name in Costs._fields[:2]) for row in rows_of("designed")}
    assert nano == LIMITS[:2]
    instructions = [row["instructions"] for row in rows_of("designed")]
    assert (
        max(abs(counted / LIMITS.instructions - 1) for counted in instructions) < 0.02
    )  # pooling differs with weights


def test_the_linear_model_is_near_on_networks_that_it_did_not_see():
    held_out = rows_of("prices")[0]["held_out"]
    assert len(held_out) == 20
    assert max(abs(predicted / counted - 1) for _, predicted, counted in held_out) < 0.05


def test_the_maker_is_on_the_list():
    from tflite_course.authoring import makers

    maker = makers.MAKERS["architecture_search"]
    assert "tflite_course/search/*.py" in maker.inputs and (ROOT / makers.source_of(maker)).is_file()


# charts


def test_curves_and_rows_of_the_lesson():
    curves = search_curves(RECORD["rows"], RECORD["settings"]["epochs"])
    assert {method: sorted(seeds) for method, seeds in curves.items()} == dict.fromkeys(methods.METHODS, list(SEEDS))
    winners = {(row["seed"], row["method"]): row["validation"] for row in rows_of("winner")}
    for method, seeds in curves.items():
        for seed, curve in seeds.items():
            assert curve[-1] == winners[seed, method] and np.all(np.diff(curve[~np.isnan(curve)]) >= 0)
    figure, sentence = draw_searches(curves)
    assert "evolution ends at" in sentence and len(figure.axes[0].texts) == 2
    rows = winner_rows(RECORD["rows"])
    assert [row["seed"] for row in rows] == [*map(str, SEEDS), "median"]
    with pytest.raises(CourseError, match="'designed' lacks a seed"):
        winner_rows([row for row in RECORD["rows"] if row["kind"] != "designed"])


def test_a_chart_of_costs():
    points = [{"group": "a", "name": "one", "accuracy": 0.9, "bytes": 10}]
    figure, sentence = draw_costs(points, "bytes", "file (bytes)")
    assert sentence == "1 files by bytes; the best is one" and figure.axes[0].get_xlabel() == "file (bytes), log scale"
    with pytest.raises(CourseError, match="nothing to draw"):
        draw_costs([], "bytes", "file (bytes)")
