"""Grade the labs of a repository in GitHub Actions: `python -m tflite_course.grading.elsewhere.classroom .`

assets/elsewhere/github/classroom.yml calls it. Labs that have not changed keep the points that they have. GitHub
Classroom takes the points from its reporter, in the form that its graders give it:
https://github.com/classroom-resources/autograding-grading-reporter
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
from pathlib import Path

from tflite_course import __version__
from tflite_course.errors import CourseError
from tflite_course.grading import one

MOST_TEXT = 300  # characters of a message: all of them together go through one variable of the environment


def find(folder):
    """Return {lab: notebook} of a repository, sorted: the one named exactly so, else the shortest path."""
    found, known = {}, one.known_labs()
    for path in _notebooks(Path(folder)):
        lab = next((lab for lab in sorted(known, key=len, reverse=True) if lab in path.stem), None)
        if lab:
            found.setdefault(lab, []).append(path)
    best = {lab: min(paths, key=lambda p: (p.stem != lab, len(p.parts), str(p))) for lab, paths in found.items()}
    return dict(sorted(best.items()))


def _notebooks(folder):
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in one.LEFT_BEHIND or path.is_symlink():
            continue
        if path.is_dir():
            yield from _notebooks(path)
        elif path.suffix == ".ipynb":
            yield path


def fingerprint(path, lab):
    """Return a text that changes when the notebook, a file beside it, the lab or the course changes."""
    digest = hashlib.sha256(f"{__version__} {lab}\n".encode())
    for file in [one.LABS / lab / f"{lab}.ipynb", path, *one.beside(path.parent)]:
        digest.update(f"{file.name}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def grade(path, lab, kept, kind):
    """Return the result of a lab: the kept one when nothing has changed, else a new one, which is kept."""
    file, key = kept / f"{lab}.json", fingerprint(path, lab)
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["key"] == key:
            return stored["result"] | {"kept": True}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        result = one.grade_one(path, lab, kind=kind)
    except CourseError as error:
        return nothing(lab, str(error))
    kept.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"key": key, "result": result}), encoding="utf-8")
    return result


def nothing(lab, reason):
    """Return the result of a lab whose notebook cannot be read."""
    released, _ = one.read(one.LABS / lab / f"{lab}.ipynb")
    result = one.collected(released, released, {})
    for check in result["checks"]:
        check["hint"] = reason
    return result | {"lab": lab, "file": f"{lab}.ipynb", "notes": [reason], "flags": [], "seconds": 0.0}


def as_grader(results):
    """Return the JSON that a grader of GitHub Classroom gives to its reporter."""
    tests = []
    for result in results:
        for check in result["checks"]:
            status = "pass" if check["hint"] is None else "fail"
            about = {"name": f"{result['lab']}: {check['title']}", "status": status, "score": check["points"]}
            about |= {"message": (check["hint"] or "")[:MOST_TEXT], "test_code": "", "filename": "", "line_no": 0}
            tests.append(about | {"duration": 0})
    most = sum(result["max_score"] for result in results)
    right = all(test["status"] == "pass" for test in tests)
    return {"version": 1, "status": "pass" if right else "fail", "max_score": most, "tests": tests}


def as_markdown(results):
    """Return the summary of a run: a table for each lab, with the first hint of each exercise."""
    lines = []
    for result in results:
        kept = ", unchanged" if result.get("kept") else ""
        lines += [f"## {result['lab']}: {result['score']:g} of {result['max_score']:g} points by checks{kept}", ""]
        lines += ["| exercise | points | hint |", "|---|---|---|"]
        for check in result["checks"]:
            points = f"{check['points']:g} of {check['most']:g}"
            lines.append(f"| {plain(check['title'])} | {points} | {plain(check['hint'] or 'right')} |")
        for part in result["written"]:
            lines.append(f"| {plain(part['title'])} | - of {part['most']:g} | your instructor reads it |")
        lines += ["", *(f"- {plain(note)}" for note in result["notes"]), ""]
    return "\n".join(lines)


def plain(text):
    """Return a text that stays as it is in a table of Markdown, whatever a submission put into it."""
    text = " ".join(str(text)[:1000].split())
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~$&@:])", r"\\\1", text)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="the repository")
    parser.add_argument("--kept", type=Path, default=Path(".grades"), help="where results of earlier runs are")
    parser.add_argument("--summary", type=Path, default=os.environ.get("GITHUB_STEP_SUMMARY"), help="a Markdown file")
    parser.add_argument("--output", type=Path, default=os.environ.get("GITHUB_OUTPUT"), help="for the reporter")
    parser.add_argument("--contained", action="store_true", help="the machine around this is the sandbox")
    options = parser.parse_args(arguments)
    found = find(options.folder)
    if not found:
        sys.exit(
            f"There is no lab in {options.folder.resolve().name}: a lab keeps its name, as in lab_3_quantize.ipynb."
        )
    kind = "contained" if options.contained else "sandbox"
    results = []
    for lab, path in found.items():
        results.append(grade(path, lab, options.kept, kind))
        print(one.as_text(results[-1]), flush=True)
    if options.summary:
        with open(options.summary, "a", encoding="utf-8") as stream:
            stream.write(as_markdown(results))
    if options.output:
        encoded = base64.b64encode(json.dumps(as_grader(results)).encode("utf-8")).decode("ascii")
        with open(options.output, "a", encoding="utf-8") as stream:
            stream.write(f"result={encoded}\n")


if __name__ == "__main__":
    main()
