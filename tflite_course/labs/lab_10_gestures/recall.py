"""Lab 10, recall: which exercises are found, and what the others are taken for."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def recall(truth, answers, classes):
    confusion = _count(truth, answers, classes)
    return confusion, _of_rows(confusion)


def _count(truth, answers, classes):
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (truth, answers), 1)
    return confusion


def _of_rows(confusion):
    return confusion.diagonal() / confusion.sum(axis=1)


def _of_columns(confusion):
    return confusion.diagonal() / confusion.sum(axis=0)


def whole_matrix(value):
    """Return (matrix, recalls) with the matrix as int64 when it holds whole numbers, and the recalls as an array."""
    if type(value) not in (tuple, list) or len(value) != 2:
        return value
    matrix, recalls = value
    if type(matrix) is np.ndarray and matrix.dtype.kind in "iuf" and np.array_equal(matrix, np.round(matrix)):
        matrix = matrix.astype(np.int64)
    if type(recalls) is list:
        recalls = np.array(recalls)
    if type(recalls) is np.ndarray and recalls.dtype.kind == "f":
        recalls = recalls.astype(np.float64)
    return matrix, recalls


def cases(rng):
    found = []
    for classes in (4, 7, 5):
        truth = np.concatenate([np.arange(classes), np.arange(classes), rng.integers(0, classes, 40)])
        answers = np.where(rng.random(len(truth)) < 0.6, truth, rng.integers(0, classes, len(truth)))
        answers[:classes] = truth[:classes]
        order = rng.permutation(len(truth))
        found.append((truth[order], answers[order], classes))
    _, answers, classes = found[-1]
    answers[answers == classes - 1] = 0  # a class that is never answered: its column is empty
    return found


def transposed(truth, answers, classes):
    return _count(answers, truth, classes), _of_rows(_count(truth, answers, classes))


def transposed_and_its_rows(truth, answers, classes):
    return recall(answers, truth, classes)


def counted_once(truth, answers, classes):
    confusion = np.minimum(_count(truth, answers, classes), 1)
    return confusion, _of_rows(confusion)


def precision(truth, answers, classes):
    confusion = _count(truth, answers, classes)
    return confusion, _of_columns(confusion)


def share_of_all(truth, answers, classes):
    confusion = _count(truth, answers, classes)
    return confusion, confusion.diagonal() / confusion.sum()


def missed(truth, answers, classes):
    confusion, recalls = recall(truth, answers, classes)
    return confusion, 1 - recalls


def mean_of_recalls(truth, answers, classes):
    confusion, recalls = recall(truth, answers, classes)
    return confusion, float(recalls.mean())


def accuracy(truth, answers, classes):
    return _count(truth, answers, classes), float(np.mean(truth == answers))


def answered_classes(truth, answers, classes):
    known = np.unique(answers)
    confusion = _count(truth, answers, classes)[np.ix_(known, known)]
    return confusion, _of_rows(confusion)


EXERCISE = Exercise(
    points=2,
    tests="recall(truth, answers, classes) with many equal pairs and a class that is never answered",
    why="an accuracy hides the one exercise that is nearly never found.",
    cases=cases,
    right=recall,
    mistakes=[
        KnownMistake("rows and columns are exchanged: a row belongs to the truth, a column to the answer.", transposed),
        KnownMistake(
            "rows and columns are exchanged: a row belongs to the truth, so you divide by its sum.",
            transposed_and_its_rows,
        ),
        KnownMistake(
            "`confusion[truth, answers] += 1` counts each pair once. `np.add.at` or a loop counts all.", counted_once
        ),
        KnownMistake(
            "you divide by the column, how often a class was answered. That is precision; recall divides by the row.",
            precision,
        ),
        KnownMistake("you divide by all windows. Divide by those of the class: the sum of its row.", share_of_all),
        KnownMistake("this is the share that was missed. Recall is the share that was found.", missed),
        KnownMistake(
            "this is the mean of the recalls. Return an array with one recall for each class.", mean_of_recalls
        ),
        KnownMistake("this is the accuracy. Return an array with one recall for each class.", accuracy),
        KnownMistake(
            "a class that is never answered has a row and a column too: the matrix is (classes, classes).",
            answered_classes,
        ),
    ],
    tolerance=1e-6,
    plain=whole_matrix,
)
