"""Put a submission back into the form of its lab: locked cells as they were, answers where they belong.

Editors and uploads lose nbgrader's metadata, students delete, split, merge, copy and move cells, and turn code into
text. A cell of the lab is found again by its grade_id, its cell id, its text, the names that it defines, or its place
and likeness; of several the one with an answer is taken. What is not found is put in as it was released, but never over
an answer that stands elsewhere. Cells that a student added stay behind the cell that they followed.
"""

import ast
import copy

import nbformat

from tflite_course.authoring import labs as release
from tflite_course.grading.pieces import defined, grade_id, is_answer, join_split, parse, unmerge

LIKENESS, LOCKED_LIKENESS = 60.0, 85.0  # of 100, rapidfuzz.fuzz.ratio
ELSEWHERE = "# The answer to this exercise stands in a cell above."


def repair(submitted, released):
    """Return (notebook, notes): the submission in the form of its lab, and a sentence for each repaired thing.

    submitted: as read.read() returns it. The notebook has the cells of the lab in their order, each with its metadata,
    the student's own cells between them without any, and no outputs.
    """
    notes = []
    cells, count = unmerge(submitted.cells, released)
    notes += ["cells that were merged were taken apart again."] * bool(count)
    cells, count = join_split(cells, released)
    notes += ["the pieces of a cell that was split were put together again."] * bool(count)
    matches = match(cells, released)
    wanted = names_of_answers(released)
    notes += _take_answers_from_elsewhere(cells, released, matches, wanted)
    named = [number for number, names in wanted.items() if names]
    if named and not any(number in matches for number in named):
        notes.append("no answer of this lab was found in the notebook: it may be another lab.")
    own, dropped = _own_cells(cells, released, matches)
    notes += [f"{name}: a copy of the unanswered cell was left out." for name in dropped]
    whole, more = _compose(cells, released, matches, own, wanted)
    notes += more
    fixed = copy.deepcopy(released)
    fixed.cells = _with_ids(whole)
    return fixed, notes


def names_of_answers(released):
    """Return {position of an answer cell of code: names that it has to define, because checks ask for them}."""
    asked = set()
    for cell in released.cells:
        if cell.cell_type == "code" and grade_id(cell) and not is_answer(cell):
            asked |= {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
    answers = {k: cell for k, cell in enumerate(released.cells) if is_answer(cell) and cell.cell_type == "code"}
    return {k: defined(cell.source) & asked for k, cell in answers.items()}


def is_stub(source, stubs):
    """Return whether a text is what was released in answer cells, or nothing at all. stubs: as stubs_of() returns."""
    text = source.strip()
    for stub in sorted(stubs, key=len, reverse=True):
        text = text.replace(stub, "").strip()
    return text == ""


def stubs_of(released):
    """Return {text of an unanswered cell: its grade_id}."""
    found = {cell.source.strip(): grade_id(cell) for cell in released.cells if is_answer(cell)}
    return found | {release.STUB: None, release.TEXT_STUB: None}


def answered(notebook, released):
    """Return the names of the cells that a person has to read: written answers, and criteria of what was written."""
    stubs, names = stubs_of(released), {grade_id(cell) for cell in released.cells if cell.cell_type == "markdown"}
    cells = [cell for cell in notebook.cells if grade_id(cell) in names - {None}]
    written = {grade_id(cell) for cell in cells if is_answer(cell) and not is_stub(cell.source, stubs)}
    tasks = {grade_id(cell) for cell in cells if cell.metadata.nbgrader.get("task")}
    return written | (tasks if written else set())


# --- which cell is which


def match(cells, released):
    """Return {position of a released cell: positions of the submitted cells that it became}, the chosen one first.

    A written answer can have several: its pieces.
    """
    found, free, stubs = {}, dict(enumerate(cells)), stubs_of(released)
    for number, cell in enumerate(released.cells):
        name = grade_id(cell)
        claims = [k for k, other in free.items() if name and grade_id(other) == name]
        if claims:
            _take(number, _chosen(claims, cells, cell, stubs), found, free)
    for key in (lambda cell: cell.get("id"), lambda cell: cell.source.strip() or None):
        for number, cell in enumerate(released.cells):
            if number not in found and key(cell) is not None:
                same = [k for k, other in free.items() if key(other) == key(cell) and not grade_id(other)]
                same.sort(key=lambda k, kind=cell.cell_type: cells[k].cell_type != kind)
                _take(number, same[:1], found, free)
    wanted = names_of_answers(released)
    for number, names in wanted.items():
        if number not in found and names:
            _take(number, [k for k, c in free.items() if names <= defined(c.source)][:1], found, free)
    for number, cell in enumerate(released.cells):
        if number not in found and grade_id(cell):
            fitting = {k: c for k, c in free.items() if _fits(c, cell, wanted.get(number))}
            _take(number, _by_place(number, cell, cells, found, fitting), found, free)
    return found


def _take(number, positions, found, free):
    if positions:
        found[number] = positions
        for position in positions:
            del free[position]


def _chosen(claims, cells, released, stubs):
    """Return which of the cells with one name are the cell: of an answer those with content, of a check the whole."""
    texts = {k: cells[k].source.strip() for k in claims}
    if not is_answer(released):
        return sorted(claims, key=lambda k: texts[k] != released.source.strip())[:1]
    written = [k for k in claims if not is_stub(texts[k], stubs)]
    if released.cell_type != "code":
        return [k for n, k in enumerate(written) if texts[k] not in [texts[j] for j in written[:n]]] or claims[:1]
    names = defined(released.source)

    def rank(k):
        return (not names <= defined(texts[k]), cells[k].get("id") != released.get("id"), cells[k].cell_type != "code")

    return sorted(written or claims, key=rank)[:1]


def _fits(cell, released, names):
    """Return whether a cell can be this one: of its type, and with a name that checks ask for or not to be read."""
    if cell.cell_type != released.cell_type:
        return False
    return not names or bool(names & defined(cell.source)) or parse(cell.source) is None


def _by_place(number, cell, cells, found, free):
    """Return the free cell that stands where this one stood, or is like it, as a list of one or none."""
    from rapidfuzz import fuzz

    likeness = {k: fuzz.ratio(c.source, cell.source) for k, c in free.items()}
    if not is_answer(cell):
        best = max(likeness, key=likeness.get, default=None)
        return [best] if best is not None and likeness[best] >= LOCKED_LIKENESS else []
    # a cell that stands where this one stood, between the same neighbours, need not be like it
    after = max((k for n, all_ in found.items() if n < number for k in all_), default=-1)
    before = min((k for n, all_ in found.items() if n > number for k in all_), default=len(cells))
    between = {k: value for k, value in likeness.items() if after < k < before}
    best = max(between or likeness, key=likeness.get, default=None)
    return [best] if best is not None and (best in between or likeness[best] >= LIKENESS) else []


# --- answers that stand elsewhere


def _take_answers_from_elsewhere(cells, released, matches, wanted):
    """Let an own cell behind the check be the answer where the cell of the exercise is a stub; return sentences."""
    notes, stubs = [], stubs_of(released)
    for number, names in wanted.items():
        place = matches.get(number)
        if not names or (place and not is_stub(cells[place[0]].source, stubs)):
            continue
        taken = {k: n for n, positions in matches.items() for k in positions}
        here = place[0] if place else max((k for n, all_ in matches.items() if n < number for k in all_), default=-1)
        writers = [k for k, cell in enumerate(cells) if _writes(cell, names) and _is_own(k, cells, taken, number)]
        before = any(_writes(cells[k], names) and k < here for k in _students(cells, released, matches))
        check = min((k for n, all_ in matches.items() if n > number for k in all_), default=len(cells))
        if writers and not before and writers[0] >= check:
            matches.pop(taken.get(writers[0]), None)
            matches[number] = [writers[0]]
            notes.append(
                f"{grade_id(released.cells[number])}: the answer stood behind its check; it was put before it."
            )
    return notes


def _is_own(k, cells, taken, number):
    """Return whether a cell is a student's own, or was taken for a later exercise by the names that it defines."""
    return k not in taken or (taken[k] > number and grade_id(cells[k]) is None)


def _writes(cell, names):
    return cell.cell_type == "code" and names <= defined(cell.source)


def _students(cells, released, matches):
    """Return the positions of the cells in which a student wrote something."""
    course = {cell.source.strip() for cell in released.cells}
    return [k for k, cell in enumerate(cells) if cell.source.strip() not in course]


# --- the whole


def _own_cells(cells, released, matches):
    """Return ({position of a released cell: the student's own cells behind it}, names of the copies left out)."""
    became = {k: number for number, positions in matches.items() for k in positions}
    stubs = {text: name for text, name in stubs_of(released).items() if name and text != release.STUB}
    known = {cell.source.strip() for cell in released.cells if grade_id(cell)} - set(stubs)
    known |= {cells[k].source.strip() for k in became if is_answer(released.cells[became[k]])} - {"", release.STUB}
    own, dropped, place = {}, [], -1
    for index, cell in enumerate(cells):
        text = cell.source.strip()
        if index in became:
            place = became[index]
        elif text in stubs:
            dropped.append(stubs[text])
        elif text and text not in known:
            own.setdefault(place, []).append(_bare(cell))
    return own, list(dict.fromkeys(dropped))


def _bare(cell, source=None):
    """Return a student's own cell without metadata, outputs and, for now, without an id."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    bare = make.get(cell.cell_type, nbformat.v4.new_raw_cell)(cell.source if source is None else source)
    if "attachments" in cell:
        bare["attachments"] = copy.deepcopy(cell.attachments)
    bare["id"] = None
    return bare


def _compose(cells, released, matches, own, wanted):
    """Return (cells, notes): the released cells with what the student wrote in them, and own cells between."""
    whole, notes, lost = list(own.get(-1, [])), [], []
    course, stubs = {cell.source.strip() for cell in released.cells}, stubs_of(released)
    for number, cell in enumerate(released.cells):
        theirs = [cells[k] for k in matches.get(number, [])]
        made, sentences = _restored(cell, theirs)
        names = wanted.get(number)
        if names and is_stub(made.source, stubs):
            earlier = [c for c in whole if c.source.strip() not in course and not is_stub(c.source, stubs)]
            if any(_writes(other, names) for other in earlier):
                made.source = ELSEWHERE
                sentences = [f"{grade_id(cell)}: the answer stands in another cell; it counts."]
        whole.append(made)
        lost += [grade_id(cell)] if theirs and grade_id(cell) and grade_id(theirs[0]) != grade_id(cell) else []
        notes += sentences
        whole += own.get(number, [])
    if lost:
        named = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        notes.append(f"{named}: the cell had lost its marks; it was found again by its text, its id or its place.")
    return whole, notes


def _restored(cell, theirs):
    """Return (a released cell with what the student made of it, sentences)."""
    whole, name = copy.deepcopy(cell), grade_id(cell)
    if not theirs:
        if name:
            return whole, [f"{name}: the cell was missing; it was put in as it was released."]
        if cell.cell_type == "code":
            return whole, ["a cell of code that the lab needs was missing; it was put in as it was released."]
        return whole, []
    notes = []
    text = "\n\n".join(dict.fromkeys(part.source for part in theirs))
    if name and not is_answer(cell):
        if text.strip() != cell.source.strip():
            notes.append(f"{name}: the locked cell was edited; it was graded as it was released.")
        return whole, notes
    if theirs[0].cell_type != cell.cell_type and text.strip() != cell.source.strip():
        notes.append(f"{name or 'a cell'}: {theirs[0].cell_type} was made of it; it is {cell.cell_type} again.")
    if len(theirs) > 1:
        notes.append(f"{name}: the answer was in {len(theirs)} cells; they were put together.")
    whole.source = text
    pictures = {key: value for part in theirs for key, value in part.get("attachments", {}).items()}
    if pictures and cell.cell_type != "code":
        whole["attachments"] = nbformat.from_dict(pictures)
    return whole, notes


def _with_ids(cells):
    """Give the student's own cells ids that no other cell has; take outputs away."""
    taken = {cell["id"] for cell in cells if cell.get("id")}
    for position, cell in enumerate(cells):
        number = position
        while not cell.get("id"):
            if f"own-{number}" not in taken:
                cell["id"] = f"own-{number}"
                taken.add(cell["id"])
            number += len(cells)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return cells
