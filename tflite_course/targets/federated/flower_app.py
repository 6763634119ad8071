"""The experiment of fedavg.py with Flower: ten clients in processes of their own, ruled by its simulation engine.

    .venv-flower/bin/python tflite_course/targets/federated/flower_app.py dirichlet --rounds 20

Needs the environment of environment.py. Prints JSON: "accuracy", one value a round, and the versions that ran.
--absent K: client K fails in every second round, and the round goes on without it.
"""

import argparse
import json
import logging
from importlib.metadata import version

from flwr.client import ClientApp, NumPyClient
from flwr.common import ndarrays_to_parameters
from flwr.server import ServerApp, ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.simulation import run_simulation

from tflite_course.targets.federated import fedavg


class Client(NumPyClient):
    """One client: it trains on its own images, and sends weights and how many images it has."""

    def __init__(self, number, kind, seed, absent):
        self.number, self.seed, self.absent = number, seed, absent
        self.data = fedavg.load_clients(kind, seed)[number]

    def fit(self, weights, config):
        turn = config["round"] - 1
        if self.number == self.absent and turn % 2:
            raise RuntimeError("this client has no network")
        count, weights = fedavg.train(weights, *self.data, seed=[self.seed, turn, self.number])
        return weights, count, {}


def make_server(seed, rounds, accuracies):
    """Return a ServerApp that averages, and appends the accuracy after each round to a list."""
    _, test_set = fedavg.load_flat()

    def evaluate(number, weights, config):
        if number:  # 0 is before the first round
            accuracies.append(fedavg.accuracy(weights, *test_set))
        return 0.0, {}

    def components(context):
        strategy = FedAvg(
            fraction_fit=1.0,
            fraction_evaluate=0.0,
            min_available_clients=fedavg.CLIENTS,
            initial_parameters=ndarrays_to_parameters(fedavg.start_weights(seed)),
            on_fit_config_fn=lambda number: {"round": number},
            evaluate_fn=evaluate,
        )
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=rounds))

    return ServerApp(server_fn=components)


def simulate(kind, *, seed=1, rounds=fedavg.ROUNDS, absent=None):
    """Return the accuracy after each round, a list of floats."""
    accuracies = []

    def make_client(context):
        return Client(int(context.node_config["partition-id"]), kind, seed, absent).to_client()

    server, client = make_server(seed, rounds, accuracies), ClientApp(client_fn=make_client)
    resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
    run_simulation(server, client, num_supernodes=fedavg.CLIENTS, backend_config=resources)
    return accuracies


def main():
    parser = argparse.ArgumentParser(description="Federated averaging with Flower.")
    parser.add_argument("kind", choices=fedavg.KINDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=fedavg.ROUNDS)
    parser.add_argument("--absent", type=int, help="the number of a client that fails in every second round")
    options = parser.parse_args()
    logging.getLogger("flwr").setLevel(logging.ERROR)
    accuracies = simulate(options.kind, seed=options.seed, rounds=options.rounds, absent=options.absent)
    print(json.dumps({"accuracy": accuracies, "versions": {name: version(name) for name in ("flwr", "ray", "numpy")}}))


if __name__ == "__main__":
    main()
