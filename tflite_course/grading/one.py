"""Grade one notebook, without a gradebook: `python -m tflite_course.grading.one lab_3_quantize.ipynb`.

The judge, the checks and the sandbox are those of a whole class; the points of written answers are left to a person.
It needs no solutions. Ends with 0 when the notebook could be graded, whatever its points, and with 1 when not.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from tflite_course.errors import CourseError
from tflite_course.grading import evidence, grade, gradebook, lint, repair, sandbox
from tflite_course.grading import read as reading
from tflite_course.grading.judge import execute

LABS = sandbox.COURSE / "labs"
MOST_BYTES, MOST_FILES = 50 * 2**20, 200  # of the files beside the notebook
KINDS = ("sandbox", "contained", "unsafe")
LEFT_BEHIND = {"__pycache__", "node_modules"}


# --- what is graded


def known_labs(labs=LABS):
    """Return the sorted names of the labs that can be graded."""
    return sorted(path.parent.name for path in labs.glob("*/*.ipynb") if path.stem == path.parent.name)


def read(path):
    """Return (notebook, sentences on what was fixed). Raises CourseError for a file that is not a notebook."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CourseError(f"{path.name} is larger than {MOST_BYTES:,} bytes: clear its outputs and save it again.")
        return reading.read(path.read_bytes())
    except FileNotFoundError:
        raise CourseError(f"There is no file {path.name}: give the path of a notebook.") from None


def find_lab(path, notebook, labs=LABS):
    """Return the lab that a notebook answers: by its name, else by the cells and checks that it holds.

    Raises CourseError when it is none.
    """
    known = known_labs(labs)
    named = [lab for lab in sorted(known, key=len, reverse=True) if lab in path.stem]
    if named:
        return named[0]
    text = "\n".join(cell.source for cell in notebook.cells)
    mine = {_grade_id(cell) for cell in notebook.cells} - {None}
    counted = {}
    for lab in known:
        released = nbformat.read(labs / lab / f"{lab}.ipynb", as_version=4)
        counted[lab] = 10 * text.count(f'"{lab}"') + len(mine & {_grade_id(cell) for cell in released.cells})
    best = max(counted, key=counted.get, default=None)
    if not best or not counted[best]:
        raise CourseError(
            f"The notebook {path.name} is not a lab of this course: name it with --lab, one of {', '.join(known)}."
        )
    return best


def copy_helpers(source, target):
    """Copy the files beside a notebook, for answers that read or import them; return sentences on what was left out."""
    size = count = 0
    for path in beside(source):
        size, count = size + path.stat().st_size, count + 1
        if size > MOST_BYTES or count > MOST_FILES:
            left_out = f"{path.relative_to(source)} and what follows it was left out"
            return [f"{left_out}: there are more than {MOST_FILES} files or {MOST_BYTES:,} bytes beside the notebook."]
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return []


def beside(folder):
    """Yield the files of a folder and those inside it, in order, without notebooks, links and hidden names."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in LEFT_BEHIND or path.is_symlink():
            continue
        if path.is_dir():
            yield from beside(path)
        elif path.is_file() and path.suffix != ".ipynb":
            yield path


# --- grading


def grade_one(path, lab=None, *, kind="sandbox", helpers=True, labs=LABS):
    """Grade one notebook; return its result, see `collected`. Raises CourseError when it cannot be graded.

    kind: "sandbox" (bubblewrap), "contained" (the surrounding container is the sandbox) or "unsafe" (as you).
    helpers: whether the files beside the notebook travel along.
    """
    start, path = time.monotonic(), Path(path)
    submitted, fixed = read(path)
    lab = lab or find_lab(path, submitted, labs)
    if lab not in known_labs(labs):
        raise CourseError(f"There is no lab {lab}: choose from {', '.join(known_labs(labs))}.")
    if kind == "sandbox":
        sandbox.check_available()
    released = nbformat.read(labs / lab / f"{lab}.ipynb", as_version=4)
    make_step, shared = _step(kind)
    notebook, notes = repair.repair(submitted, released)
    notes = [*fixed, *notes]
    with tempfile.TemporaryDirectory(prefix="grade-") as folder:
        if helpers:
            notes += copy_helpers(path.parent, Path(folder))
        evidence.keep_evidence(submitted, Path(folder))
        judged = run(notebook, released, Path(folder), make_step)
    flags = [*([shared] if shared else []), *lint.inspect(submitted, released)]
    result = collected(released, notebook, judged["verdicts"])
    result |= {"lab": lab, "file": path.name, "notes": notes + judged["notes"], "flags": flags}
    return result | {"seconds": round(time.monotonic() - start, 1)}


def _step(kind):
    """Return (a function that makes the step that runs a notebook, a sentence for the marker or None)."""
    if kind == "contained":
        from tflite_course.grading import contained
        from tflite_course.grading.judge import unboxed

        users, shared = contained.find_users()
        if users:
            shared = contained.close_course(users[1])
        return lambda: unboxed.Contained(users), shared
    return lambda: execute.Execute(sandboxed=kind == "sandbox"), None


def run(notebook, released, folder, make_step):
    """Run and judge a notebook, once more with more time when the machine was too busy for its set-up cell."""
    for patience in (1, grade.PATIENCE):
        step = make_step()
        settings = gradebook.make_config(folder).Execute
        step.timeout, step.shutdown_kernel = settings.timeout * patience, settings.shutdown_kernel
        executed, _ = step.preprocess(nbformat.from_dict(notebook), {"metadata": {"path": str(folder)}})
        done = folder / ".executed.ipynb"
        nbformat.write(executed, done)
        cut = grade._setup_was_cut(done, released)
        done.unlink()
        if not cut:
            break
    return {"verdicts": step.verdicts, "notes": step.notes}


def collected(released, notebook, verdicts):
    """Return what a notebook earned.

    {"score", "max_score": of the checks, "checks": [{"name", "title", "points", "most", "said", "hint"}],
    "written": [{"name", "title", "most", "answered"}]}; hint is None for a right answer.
    """
    checks, written, answers = [], [], {_grade_id(cell): cell.source for cell in notebook.cells}
    for cell, title in titles(released):
        data = cell.metadata.get("nbgrader", {})
        about = {"name": _grade_id(cell), "title": title, "most": float(data.get("points", 0))}
        if execute.is_check(cell):
            verdict = verdicts.get(about["name"]) or {"points": 0.0, "text": "", "hint": "this check was not judged."}
            points = min(max(float(verdict["points"]), 0.0), about["most"])
            checks.append(about | {"points": points, "said": verdict["text"], "hint": verdict["hint"]})
        elif data.get("grade") or data.get("task"):
            answered = answers.get(about["name"], "").strip() != cell.source.strip()
            written.append(about | {"answered": answered})
    score, most = (sum(check[key] for check in checks) for key in ("points", "most"))
    return {"score": score, "max_score": most, "checks": checks, "written": written}


def titles(released):
    """Yield (graded cell, the heading that it stands under, without its number of points)."""
    title = ""
    for cell in released.cells:
        found = re.match(r"#+ (.*)", cell.source) if cell.cell_type == "markdown" else None
        if found:
            title = re.sub(r"\s*\([\d.]+ points?\)\s*$", "", found[1])
        if _grade_id(cell):
            yield cell, title


def _grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


# --- the command


def as_text(result):
    """Return a result as lines for a terminal."""
    lines = []
    for check in result["checks"]:
        lines.append(f"{check['points']:g}/{check['most']:g}  {check['title']}")
        lines += [f"     {check['hint']}"] * bool(check["hint"])
    for part in result["written"]:
        lines.append(f"-/{part['most']:g}  {part['title']}: a person marks it{' (empty)' * (not part['answered'])}")
    lines += [f"note: {note}" for note in result["notes"]] + [f"for the marker: {flag}" for flag in result["flags"]]
    return "\n".join([*lines, f"{result['lab']}: {result['score']:g} of {result['max_score']:g} points by checks"])


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tflite_course.grading.one", description=__doc__.split("\n")[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--lab", help="the lab that it answers (default: by its name and its checks)")
    parser.add_argument("--json", type=Path, help="write the result into this file")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--contained", action="store_true", help="the container around this, which is thrown away, is the sandbox"
    )
    how.add_argument("--unsafe", action="store_true", help="without a sandbox: the notebook runs as you")
    options = parser.parse_args(arguments)
    kind = "contained" if options.contained else "unsafe" if options.unsafe else "sandbox"
    try:
        result = grade_one(options.notebook, options.lab, kind=kind)
    except CourseError as error:
        sys.exit(str(error))
    print(as_text(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
