"""Cells that were split or merged by accident: put the pieces together, and take apart what was merged."""

import ast
import re
import textwrap
import warnings

import nbformat

FEWEST_LETTERS = 15  # of a text that is recognized inside another
MOST_LETTERS = 200_000
MOST_PIECES = 6


def grade_id(cell):
    """Return nbgrader's name of a cell, or None."""
    data = cell.metadata.get("nbgrader")
    return data.get("grade_id") if isinstance(data, dict) else None


def is_answer(cell):
    """Return whether a released cell is one that students write into."""
    return bool(grade_id(cell) and cell.metadata.nbgrader.get("solution"))


def parse(source):
    """Return the syntax tree of a cell as IPython would take it, or None when Python cannot read it."""
    if len(source) > MOST_LETTERS:
        return None
    source = textwrap.dedent(source)
    if source.lstrip().startswith("%%"):
        return ast.parse("")
    source = re.sub(r"^([ \t]*)(?:[%!?].*|.*\?)$", r"\1pass", source, flags=re.M)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    return tree


def defined(source):
    """Return the names that a cell defines at its top: functions, classes and assigned names; no imports."""
    tree, names = parse(source), set()
    for node in tree.body if tree else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return names


# --- what was split


def join_split(cells, released):
    """Return (cells, number joined): code that runs only together with the cell behind it is one cell again."""
    course = {cell.source.strip() for cell in released.cells if not is_answer(cell)}
    joined, position, count = [], 0, 0
    while position < len(cells):
        length = _pieces_of_one(cells[position : position + MOST_PIECES], course)
        whole = cells[position]
        if length > 1:
            parts = cells[position : position + length]
            whole = _like(next(part for part in parts if part.cell_type == "code"), "\n".join(p.source for p in parts))
            whole["id"] = parts[0].get("id")
            name = next((grade_id(part) for part in parts if grade_id(part)), None)
            whole.metadata = nbformat.from_dict({"nbgrader": {"grade_id": name}} if name else {})
            count += 1
        joined.append(whole)
        position += length
    return joined, count


def _pieces_of_one(cells, course):
    """Return how many cells at the beginning are pieces of one; 1 for a cell that stands by itself."""
    broken, first = False, grade_id(cells[0])
    for length, cell in enumerate(cells, 1):
        if cell.source.strip() in course:
            break
        broken = broken or parse(cell.source) is None
        torn = broken or (first and grade_id(cell) in (None, first) and cell.source[:1] in " \t")
        code = any(part.cell_type == "code" for part in cells[:length])
        if length > 1 and torn and code and _one_block("\n".join(part.source for part in cells[:length])):
            return length
    return 1


def _one_block(source):
    return parse(source) is not None and source[:1] not in " \t"


def _like(cell, source):
    """Return a cell of the same type, id and metadata with another source and no outputs."""
    made = nbformat.from_dict({key: value for key, value in cell.items() if key != "outputs"})
    made.source = source
    if cell.cell_type == "code":
        made.outputs, made.execution_count = [], None
    return made


# --- what was merged


def unmerge(cells, released):
    """Return (cells, number taken apart): cells of the course that stand inside another cell are cells again."""
    own = {cell.source.strip() for cell in cells}
    lost = [
        cell
        for cell in released.cells
        if not is_answer(cell) and len(cell.source.strip()) >= FEWEST_LETTERS and cell.source.strip() not in own
    ]
    apart, count = [], 0
    for cell in cells:
        pieces = _take_apart(cell, lost)
        count += len(pieces) > 1
        apart += pieces
    return apart, count


def _take_apart(cell, lost):
    """Return the pieces of a cell: those that are the course's, as released, and what stands between them."""
    text, inside = cell.source, []
    for released in lost:
        block = re.escape(released.source.strip())
        if found := re.search(rf"(?:^|(?<=\n)){block}[ \t]*(?=\n|$)", text):
            inside.append((found.start(), found.end(), released))
    if not inside or text.strip() == inside[0][2].source.strip():
        return [cell]
    pieces, position, named = [], 0, False
    for start, end, released in sorted(inside, key=lambda found: found[0]):
        if start < position:
            continue
        between = text[position:start].strip("\n")
        if between.strip():
            pieces.append(_piece(cell, between, keep=not named))
            named = True
        pieces.append(nbformat.from_dict(released))
        position = end
    rest = text[position:].strip("\n")
    return [*pieces, *([_piece(cell, rest, keep=not named)] if rest.strip() else [])]


def _piece(cell, source, *, keep):
    """Return what a student wrote in a merged cell; the first such piece keeps the name of the cell."""
    piece = _like(cell, source)
    if not keep:
        piece.metadata, piece["id"] = nbformat.NotebookNode(), None
    return piece
