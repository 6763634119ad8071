"""The experiment of fedavg.py with Flower: ten clients in other processes, run by its simulation engine.

    .venv-flower/bin/python tflite_course/targets/federated/flower_app.py dirichlet --rounds 20

Needs the environment of environment.py. Prints JSON: "accuracy", one value a round, and the versions that ran.
--absent K: client K fails in every second round, and the round goes on without it.
"""

import argparse
import json
import logging
from importlib.metadata import version

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from tflite_course.targets.federated import fedavg

client_app = ClientApp()


@client_app.train()
def train(message, context):
    """One client, one round: it trains on its own images, and sends weights and how many images it has."""
    number, config = int(context.node_config["partition-id"]), message.content["config"]
    turn = config["server-round"] - 1
    if number == config["absent"] and turn % 2:
        raise RuntimeError("this client has no network")
    data = fedavg.load_clients(config["kind"], config["seed"])[number]
    weights = message.content["arrays"].to_numpy_ndarrays()
    count, weights = fedavg.train(weights, *data, seed=[config["seed"], turn, number])
    reply = {"arrays": ArrayRecord(weights), "metrics": MetricRecord({"num-examples": count})}
    return Message(RecordDict(reply), reply_to=message)


def make_server(kind, seed, rounds, absent, accuracies):
    """Return a ServerApp that averages, and appends the accuracy after each round to a list."""
    _, test_set = fedavg.load_flat()
    server_app = ServerApp()

    def evaluate(number, arrays):
        if number:  # 0 is before the first round
            accuracies.append(fedavg.accuracy(arrays.to_numpy_ndarrays(), *test_set))

    @server_app.main()
    def serve(grid, context):
        strategy = FedAvg(
            fraction_train=1.0,
            fraction_evaluate=0.0,
            min_available_nodes=fedavg.CLIENTS,
            weighted_by_key="num-examples",
        )
        strategy.start(
            grid,
            initial_arrays=ArrayRecord(fedavg.start_weights(seed)),
            num_rounds=rounds,
            train_config=ConfigRecord({"kind": kind, "seed": seed, "absent": absent}),
            evaluate_fn=evaluate,
        )

    return server_app


def simulate(kind, *, seed=1, rounds=fedavg.ROUNDS, absent=-1):
    """Return the accuracy after each round, a list of floats; absent: the number of a client that fails, or -1."""
    accuracies = []
    server_app = make_server(kind, seed, rounds, absent, accuracies)
    resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
    run_simulation(server_app, client_app, num_supernodes=fedavg.CLIENTS, backend_config=resources)
    return accuracies


def main():
    parser = argparse.ArgumentParser(description="Federated averaging with Flower.")
    parser.add_argument("kind", choices=fedavg.KINDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=fedavg.ROUNDS)
    parser.add_argument(
        "--absent", type=int, default=-1, help="the number of a client that fails in every second round"
    )
    options = parser.parse_args()
    logging.getLogger("flwr").setLevel(logging.ERROR)
    accuracies = simulate(options.kind, seed=options.seed, rounds=options.rounds, absent=options.absent)
    print(json.dumps({"accuracy": accuracies, "versions": {name: version(name) for name in ("flwr", "ray", "numpy")}}))


if __name__ == "__main__":
    main()
