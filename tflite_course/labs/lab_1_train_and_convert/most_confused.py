"""Lab 1, most_confused: the largest field of a confusion matrix beside its diagonal."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def _matrix(predicted, labels):
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def _off_diagonal(predicted, labels):
    matrix = _matrix(predicted, labels)
    return matrix - np.diag(np.diag(matrix))


def _largest(table, matrix):
    label, digit = np.unravel_index(int(table.argmax()), (10, 10))
    return int(label), int(digit), int(matrix[label, digit])


def most_confused(predicted, labels):
    matrix = _off_diagonal(predicted, labels)
    return _largest(matrix, matrix)


def _planted(rng):
    """Return a confusion matrix in which each shortcut leads to another field than the largest one, a called b."""
    a, b, c, d, e, f, g, h, i, j = rng.permutation(10)
    matrix = rng.integers(0, 3, (10, 10))
    matrix[j] = 0
    np.fill_diagonal(matrix, rng.integers(36, 45, 10))
    matrix[a, b], matrix[b, a] = 20, 2
    matrix[c, d] = matrix[d, c] = 14  # 28 in both directions together
    matrix[e, [f, g, h]] = 13  # the row with the most mistakes
    matrix[[e, h, i], g] = 13  # the column with the most mistakes
    matrix[j, a], matrix[j, j] = 6, 4  # the largest share of its row
    return matrix


def cases(rng):
    found = []
    for _ in range(5):
        labels, predicted = np.indices((10, 10)).reshape(2, -1).repeat(_planted(rng).ravel(), axis=1)
        order = rng.permutation(len(labels))
        found.append((predicted[order], labels[order]))
    return found


def exchanged(predicted, labels):
    label, digit, count = most_confused(predicted, labels)
    return digit, label, count


def with_diagonal(predicted, labels):
    matrix = _matrix(predicted, labels)
    return _largest(matrix, matrix)


def both_directions(predicted, labels):
    matrix = _off_diagonal(predicted, labels)
    return _largest(matrix + matrix.T, matrix + matrix.T)


def direction_ignored(predicted, labels):
    """Find the pair with the most mistakes in both directions, and count one of them."""
    matrix = _off_diagonal(predicted, labels)
    return _largest(matrix + matrix.T, matrix)


def count_first(predicted, labels):
    label, digit, count = most_confused(predicted, labels)
    return count, label, digit


def flat_index(predicted, labels):
    return int(_off_diagonal(predicted, labels).argmax())


def worst_row_and_column(predicted, labels):
    matrix = _off_diagonal(predicted, labels)
    return int(matrix.sum(1).argmax()), int(matrix.sum(0).argmax()), int(matrix.max())


def field_of_worst_row_and_column(predicted, labels):
    matrix = _off_diagonal(predicted, labels)
    label, digit = int(matrix.sum(1).argmax()), int(matrix.sum(0).argmax())
    return label, digit, int(matrix[label, digit])


def largest_of_worst_row(predicted, labels):
    matrix = _off_diagonal(predicted, labels)
    label = int(matrix.sum(1).argmax())
    return label, int(matrix[label].argmax()), int(matrix[label].max())


def largest_of_worst_column(predicted, labels):
    matrix = _off_diagonal(predicted, labels)
    digit = int(matrix.sum(0).argmax())
    return int(matrix[:, digit].argmax()), digit, int(matrix[:, digit].max())


def share_of_the_row(predicted, labels):
    matrix = _off_diagonal(predicted, labels)
    return _largest(matrix / _matrix(predicted, labels).sum(1, keepdims=True), matrix)


BOTH = "you add both directions. A 4 called 9 and a 9 called 4 are two different mistakes."
ROW_AND_COLUMN = "you look for the worst row and the worst column. The largest single field is needed."

EXERCISE = Exercise(
    points=2,
    tests="most_confused(predicted, labels) on answers with planted mistakes",
    why="one accuracy hides which digits are mixed up, and that is what you can repair.",
    cases=cases,
    right=most_confused,
    mistakes=[
        KnownMistake("label and answer are exchanged. Rows are labels, columns are answers.", exchanged),
        KnownMistake("these are right answers. Leave out those where label and answer agree.", with_diagonal),
        KnownMistake(BOTH, both_directions),
        KnownMistake(BOTH, direction_ignored),
        KnownMistake("the order is label, answer, number.", count_first),
        KnownMistake("`argmax` counts through the flat table. `np.unravel_index` gives row and column.", flat_index),
        KnownMistake(ROW_AND_COLUMN, worst_row_and_column),
        KnownMistake(ROW_AND_COLUMN, field_of_worst_row_and_column),
        KnownMistake(
            "you look in the row with the most mistakes only. The largest field may be in another row.",
            largest_of_worst_row,
        ),
        KnownMistake(
            "you look in the column with the most mistakes only. The largest field may be in another column.",
            largest_of_worst_column,
        ),
        KnownMistake(
            "you compare shares of the rows. Compare how often a pair happened, also for rare digits.", share_of_the_row
        ),
    ],
)
