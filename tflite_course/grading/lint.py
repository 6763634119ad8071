"""Find answers that try to tamper with the grading: a person looks at them, and they score nothing until then.

A check runs in the same process as the answer, so an answer could change the check. What does that has to name one of a
few things, and no exercise of the course needs them.
"""

import ast

NAMES = {
    "get_ipython": "takes hold of the notebook's machinery",
    "input_transformers_cleanup": "changes the source of later cells",
    "input_transformers_post": "changes the source of later cells",
    "ast_transformers": "changes the source of later cells",
    "register_cell_magic": "changes how later cells run",
    "set_custom_exc": "hides errors",
    "__builtins__": "changes Python itself",
    "builtins": "changes Python itself",
    "ctypes": "reaches past Python",
    "gc": "searches the memory for the answers of the checks",
    "_getframe": "looks into the code that calls it",
    "currentframe": "looks into the code that calls it",
    "find_mistake": "reaches into the checks",
    "load_exercises": "reaches into the checks",
    "EXERCISES": "reaches into the checks",
    "__eq__": "makes an object that claims to equal others",
    "__import__": "imports by a name that cannot be read here",
    "import_module": "imports by a name that cannot be read here",
    "importlib": "imports by a name that cannot be read here",
    "__globals__": "reaches into other functions",
    "__code__": "reaches into other functions",
    "exec": "runs text as code",
    "eval": "runs text as code",
    "compile": "makes code of text",
    "sys.modules": "changes what others import",
    "tflite_course.labs": "reaches into the checks",
    "tflite_course.grading": "reaches into the grading",
}
METHODS = {"compile", "eval"}  # model.compile(...) is harmless: only the plain names are


def find_tampering(source):
    """Return the sorted reasons, each "name: what it does", why a cell of code is flagged; [] when there are none.

    A cell that does not compile has none: it cannot run either.
    """
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = set()
    for node in nodes:
        names = []
        if isinstance(node, ast.Name):
            names = [node.id]
            if node.id == "check" and isinstance(node.ctx, ast.Store):
                found.add("check: replaces the check")
        elif isinstance(node, ast.Attribute):
            whole = ast.unparse(node)
            names = [whole, *([] if node.attr in METHODS else [node.attr])]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [node.name] if node.name.startswith("__") else []
            if node.name == "check":
                found.add("check: replaces the check")
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in (alias.name, alias.name.split(".")[0])]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]  # getattr(x, "__eq__")
        found |= {f"{name}: {NAMES[name]}" for name in names if name in NAMES}
        found |= {
            f"{name}: {NAMES[prefix]}"
            for name in names
            for prefix in ("tflite_course.labs", "tflite_course.grading")
            if name.startswith(prefix + ".")
        }
    return sorted(found)


def inspect(notebook, released):
    """Return {position of the cell: reasons} of the cells of code that differ from what was released."""
    known = {cell.source.strip() for cell in released.cells}
    reasons = {}
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip() not in known:
            found = find_tampering(cell.source)
            if found:
                reasons[position] = found
    return reasons
