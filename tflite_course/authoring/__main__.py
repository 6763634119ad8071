"""Make what the course stores.

python -m tflite_course.authoring                 every maker, its inputs and outputs
python -m tflite_course.authoring NAME [OPTIONS]  run one; `NAME --help` tells its options
python -m tflite_course.authoring stale           what is out of date, and why (make stale)
python -m tflite_course.authoring refresh         run what is out of date, in order (make refresh)
python -m tflite_course.authoring remember NAME   call what a maker made up to date, after a run by hand or a look
"""

import ast
import runpy
import subprocess
import sys

from tflite_course.authoring import ROOT, makers
from tflite_course.errors import CourseError


def show_list():
    for name, maker in makers.MAKERS.items():
        print(f"{name}\n    reads  {', '.join(maker.inputs) or maker.outside}\n    writes {', '.join(maker.outputs)}")
    print(f"by hand: {', '.join(makers.BY_HAND)}")


def show_stale():
    """Print what is out of date; return 1 when something is."""
    found = makers.stale()
    for name, reasons in found.items():
        print(f"{name}: {'; '.join(reasons[:3])}{' ...' if len(reasons) > 3 else ''}")
    print(f"{len(found)} of {len(makers.MAKERS)} makers are out of date." if found else "Everything is up to date.")
    return int(bool(found))


def refresh():
    """Run the makers that are out of date, in order; stop at the first that fails."""
    for name in makers.MAKERS:
        if name not in makers.stale():
            continue
        maker = makers.MAKERS[name]
        before = makers.hashes(maker.outputs)
        for arguments in maker.commands:
            print(f"{name} {' '.join(arguments)}", flush=True)
            if subprocess.call([sys.executable, "-m", maker.module, *arguments], cwd=ROOT):
                needs = f" It needs {maker.outside}." if maker.outside else ""
                raise CourseError(
                    f"{name} failed, so what follows it was not made.{needs} Fix it, then `make refresh`."
                )
        makers.remember([name])
        changed = [path for path, value in makers.hashes(maker.outputs).items() if before.get(path) != value]
        print(f"    changed: {', '.join(changed) or 'nothing'}", flush=True)


def run(name, arguments):
    """Run one maker with its own options, and remember what it made."""
    module = makers.BY_HAND.get(name) or (makers.MAKERS[name].module if name in makers.MAKERS else None)
    if module is None:
        names = ", ".join([*makers.MAKERS, *makers.BY_HAND])
        raise CourseError(f"There is no maker '{name}': choose from {names}.")
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    if arguments in (["-h"], ["--help"]) and "argparse" not in source:  # it would run
        print(ast.get_docstring(ast.parse(source)))
        return
    sys.argv = [name, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main():
    name, *arguments = sys.argv[1:] or ["list"]
    if name in ("-h", "--help"):
        print(__doc__)
    elif name == "list":
        show_list()
    elif name == "stale":
        return show_stale()
    elif name == "refresh":
        refresh()
    elif name == "remember":
        makers.remember(arguments or makers.MAKERS)
    else:
        run(name, arguments)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CourseError as error:
        sys.exit(str(error))
