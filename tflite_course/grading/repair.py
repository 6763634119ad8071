"""Put a submission back into the form of its lab: locked cells as they were, answers where they belong.

Editors and uploads lose nbgrader's metadata, students delete or edit checks. A cell of the lab is found again by its
grade_id, its cell id, its text, or its place and likeness; what is not found is put in as it was released. Cells that a
student added stay behind the cell that they followed.
"""

import copy

LIKENESS = 60.0  # of 100, rapidfuzz.fuzz.ratio


def _grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def match(submitted, released):
    """Return {index of a released cell: index of the submitted cell that it became}."""
    from rapidfuzz import fuzz

    found, free = {}, dict(enumerate(submitted.cells))
    keys = (lambda cell: _grade_id(cell), lambda cell: cell.get("id"), lambda cell: cell.source.strip() or None)
    for key in keys:
        for number, cell in enumerate(released.cells):
            if number in found or key(cell) is None:
                continue
            same = [k for k, c in free.items() if key(c) == key(cell) and c.cell_type == cell.cell_type]
            if same:
                found[number] = same[0]
                del free[same[0]]
    for number, cell in enumerate(released.cells):
        if number in found or not _grade_id(cell):
            continue
        likeness = {k: fuzz.ratio(c.source, cell.source) for k, c in free.items() if c.cell_type == cell.cell_type}
        # a cell that stands where this one stood, between the same neighbours, need not be like it
        after = max((k for n, k in found.items() if n < number), default=-1)
        before = min((k for n, k in found.items() if n > number), default=len(submitted.cells))
        between = {k: value for k, value in likeness.items() if after < k < before}
        best = max(between or likeness, key=likeness.get, default=None)
        if best is not None and (best in between or likeness[best] >= LIKENESS):
            found[number] = best
            del free[best]
    return found


def repair(submitted, released):
    """Return (notebook, notes): the submission in the form of its lab, and a sentence for each repaired cell."""
    found = match(submitted, released)
    became = {index: number for number, index in found.items()}
    extra, place = {}, -1  # number of a released cell: the student's own cells behind it
    for index, cell in enumerate(submitted.cells):
        if index in became:
            place = became[index]
        else:
            extra.setdefault(place, []).append(copy.deepcopy(cell))
    cells, notes = list(extra.get(-1, [])), []
    for number, cell in enumerate(released.cells):
        whole = copy.deepcopy(cell)
        data = cell.metadata.get("nbgrader", {})
        if number in found:
            theirs = submitted.cells[found[number]]
            if data.get("solution") or data.get("task") or not data:
                whole.source = theirs.source
            elif theirs.source.strip() != cell.source.strip():
                notes.append(f"{_grade_id(cell)}: the locked cell was edited; it was graded as it was released.")
            if data and _grade_id(theirs) != _grade_id(cell):
                notes.append(f"{_grade_id(cell)}: the cell had lost its marks; it was found again by its text or id.")
        elif data:
            notes.append(f"{_grade_id(cell)}: the cell was missing; it was put in as it was released.")
        elif cell.cell_type == "code":
            notes.append("a cell of code that the lab needs was missing; it was put in as it was released.")
        cells.append(whole)
        cells += extra.get(number, [])
    fixed = copy.deepcopy(released)
    for cell in cells:
        if not _grade_id(cell):
            cell.metadata.pop("nbgrader", None)
    taken = set()
    for position, cell in enumerate(cells):
        if cell.get("id") in taken or not cell.get("id"):
            cell["id"] = f"added-{position}"
        taken.add(cell["id"])
    fixed.cells = cells
    return fixed, notes
