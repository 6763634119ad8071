"""Which of several versions counts: the newest by the platform's own order, and it is said which of how many."""

import datetime
from dataclasses import dataclass, field

from tflite_course.grading.inbox import archives, contents, owners

MOST_FILES, MOST_BYTES = 500, 20 * 2**20  # of the files beside a notebook


@dataclass
class Handed:
    """One lab of one person, as it will be graded."""

    lab: str
    text: str
    source: str  # its way from the folder of downloads
    platform: str
    owner: object
    when: datetime.datetime | None = None
    clock: str = ""  # whose time that is: the platform's, or an archive's
    late: bool = False  # says the platform
    version: int = 1
    of: int = 1
    files: dict = field(default_factory=dict)  # relative name: bytes
    odd: list = field(default_factory=list)


@dataclass
class Candidate:
    """A notebook of a lab, before one is chosen."""

    piece: owners.Piece
    unit: owners.Unit
    text: str

    @property
    def number(self):
        stem = self.piece.parts[-1].removesuffix(".ipynb")
        dashes = self.piece.owner.platform == "Canvas" or contents.lab_in(stem, contents.signs()) is not None
        return owners.copy_number(stem, dashes)[1]

    @property
    def order(self):
        """What the platform orders versions by: its number or time, then the number of a copy, then an archive's."""
        owner, node = self.piece.owner, self.piece.node
        dated = node.when.timestamp() if node.when and owner.platform != "Canvas" else 0.0
        return (owner.order or 0.0, self.number, dated)


def choose(identity, reader, labs):
    """Return ({lab: Handed}, problems) of a person: of each lab the newest version."""
    candidates, problems, other = {}, [], []
    for unit, _ in identity.units:
        problems += [problem for problem in unit.problems if problem not in problems]
        for piece in unit.pieces:
            if not owners.is_notebook(piece.node):
                continue
            lab = reader.lab_of(piece.node)
            if piece.node.problem and piece.node.problem not in problems:
                problems.append(piece.node.problem)
            text = piece.node.facts.get("text")
            if text is None:
                continue
            if lab in labs and (piece.node.facts["by content"] or piece.node.name.lower().endswith(".ipynb")):
                candidates.setdefault(lab, []).append(Candidate(piece, unit, text))
            else:
                other.append(piece)
    handed = {lab: _newest(lab, found) for lab, found in candidates.items()}
    if not handed and not problems:
        problems.append(_nothing(identity, other))
    return handed, problems


def _nothing(identity, other):
    known = sorted({lab for piece in other if (lab := piece.node.facts.get("lab"))})
    if known:
        return f"only {', '.join(known)} was handed in, which is not graded in this run"
    names = sorted({piece.parts[-1] for unit, _ in identity.units for piece in unit.pieces})
    return f"no notebook of a lab was found{' in ' + ', '.join(names[:3]) if names else ''}"


def _newest(lab, found):
    """Return the Handed of one lab out of its candidates."""
    found = sorted(found, key=lambda c: (c.order, -len(c.piece.parts), c.piece.shown))
    best = found[-1]
    node, owner = best.piece.node, best.piece.owner
    text, dropped = contents.slim(best.text)
    when, clock = owner.when, "platform" if owner.when else ""
    if when is None and node.when and owner.platform != "Canvas":
        when, clock = node.when, "archive"
    handed = Handed(lab, text, best.piece.shown, owner.platform, owner, when, clock, owner.late)
    different = {c.text for c in found}
    handed.version = handed.of = len(found)
    if len(different) > 1:
        others = ", ".join(c.piece.shown for c in found[:-1])
        handed.odd.append(f"{len(found)} versions: {best.piece.shown} counts, not {others}")
    elif len(found) > 1:
        handed.odd.append(f"{len(found)} copies of the same file")
    rivals = [c for c in found[:-1] if c.text != best.text and _undecided(c.order, best.order)]
    platforms = {c.piece.owner.platform for c in found}
    if len(different) > 1 and (rivals or len(platforms) > 1):
        handed.odd.append("nothing tells which version is the newest: look at them")
    by_name = contents.lab_in(best.piece.parts[-1], contents.signs())
    if node.facts["by content"] and by_name and by_name != lab:
        handed.odd.append(f"its name says {by_name}, its cells are {lab}: graded as {lab}")
    if not node.facts["by content"]:
        handed.odd.append("its cells are of no lab; its name says which")
    if dropped:
        handed.odd.append(f"{dropped} very large outputs were left out")
    _add_files(handed, best)
    return handed


def _undecided(order, other):
    """Return whether two orders do not tell which is newer; a time counts only beside another time."""
    return order[:2] == other[:2] and (order[2] == other[2] or not order[2] or not other[2])


def _add_files(handed, best):
    """Add the files beside a notebook and below its folder, within bounds; later ones of a name win."""
    above, left = best.piece.parts[:-1], []
    size = 0
    pieces = [p for p in best.unit.pieces if p is not best.piece and p.parts[: len(above)] == above]
    for piece in sorted(pieces, key=lambda piece: piece.owner.order or 0.0, reverse=True):  # the newest of a name
        node, parts = piece.node, piece.parts[len(above) :]
        if node.facts.get("lab") or node.problem or node.facts.get("unsafe"):
            if node.facts.get("unsafe") and not node.facts.get("lab"):
                left.append(piece.parts[-1])
            continue
        if "/".join(parts) in handed.files:  # an older version
            continue
        if not all(_is_safe(part) for part in parts) or _is_taken(parts, handed):
            left.append(piece.parts[-1])
            continue
        if size + node.size > MOST_BYTES or len(handed.files) >= MOST_FILES:
            left.append(piece.parts[-1])
            continue
        try:
            content = node.read(MOST_BYTES)
        except (OSError, archives.TooLarge):
            left.append(piece.parts[-1])
            continue
        size += len(content)
        handed.files["/".join(parts)] = content
        stem, dot, ending = parts[-1].rpartition(".")
        plain, number = owners.copy_number(stem, dashes=True)
        if number and dot and piece.owner.platform == "Canvas":  # helper-1.py was helper.py on the student's disk
            handed.files.setdefault("/".join((*parts[:-1], f"{plain}.{ending}")), content)
    if left:
        handed.odd.append(f"{len(left)} files beside it were left out ({', '.join(sorted(left)[:3])})")


def _is_taken(parts, handed):
    """Return whether a name is the notebook's, or would be both a file and a folder."""
    name = "/".join(parts).casefold()
    names = {f"{handed.lab}.ipynb", *(known.casefold() for known in handed.files)}
    return any(name == known or known.startswith(f"{name}/") or name.startswith(f"{known}/") for known in names)


def _is_safe(part):
    return part not in ("", ".", "..") and not set(part) & set('\\:\0*?"<>|') and len(part.encode()) < 200
