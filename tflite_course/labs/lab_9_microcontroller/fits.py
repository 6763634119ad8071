"""Lab 9, fits: what a board lacks for a firmware."""

import functools

from tflite_course.labs.exercise import Exercise, KnownMistake

STACK = 1024  # bytes of RAM that must stay free


def _bytes(text, kilo=1024):
    return int(text[:-1]) * kilo ** {"K": 1, "M": 2}[text[-1]]


def fits(flash, ram, board, *, kilo=1024, stack=STACK, least=1, parts=("flash", "RAM")):
    lacks = {
        "flash": flash - _bytes(board["flash"], kilo),
        "RAM": ram + stack - _bytes(board["ram"], kilo),
    }
    words = [f"{lacks[part]} bytes of {part}" for part in parts if lacks[part] >= least]
    return " and ".join(words) + " are lacking" if words else "fits"


def cases(rng):
    boards = [{"flash": "256K", "ram": "16K"}, {"flash": "4M", "ram": "4M"}, {"flash": "32K", "ram": "2K"}]
    boards.append({"flash": "1M", "ram": f"{int(rng.integers(3, 300))}K"})
    found = []
    for board in boards:
        flash, ram = _bytes(board["flash"]), _bytes(board["ram"]) - STACK
        few, many = (int(v) for v in rng.integers(2, 900, 2))
        needs = [(0, 0), (-few, -few), (0, 1), (1, 0), (-few, many), (many, -few), (few, many)]
        found += [(flash + more_flash, ram + more_ram, board) for more_flash, more_ram in needs]
    return found


def first_only(flash, ram, board):
    return fits(flash, ram, board).replace(" and ", " are lacking|").split("|")[0]


def as_boolean(flash, ram, board):
    return fits(flash, ram, board) == "fits"


EXERCISE = Exercise(
    points=2,
    tests="fits(flash, ram, board) on four boards, at the last byte and beside it",
    why="a build that says how much is lacking is the good case; a stack that grows into the arena says nothing.",
    cases=cases,
    right=fits,
    mistakes=[
        KnownMistake("K is 1024 in a linker script, and M is 1024 * 1024.", functools.partial(fits, kilo=1000)),
        KnownMistake(
            "the stack is forgotten: 1,024 bytes of RAM must stay free for it.", functools.partial(fits, stack=0)
        ),
        KnownMistake("what fills the memory to the last byte still fits.", functools.partial(fits, least=0)),
        KnownMistake("flash and RAM are both lacking, and you name the first only.", first_only),
        KnownMistake("name flash first, then RAM.", functools.partial(fits, parts=("RAM", "flash"))),
        KnownMistake(
            "the sentence is expected, not True or False: who builds wants to know how much is lacking.", as_boolean
        ),
    ],
)
