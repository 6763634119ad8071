"""Make the zip file that Gradescope takes for one lab: `make gradescope LAB=lab_3_quantize`.

It holds the copy of the course for students (no solutions, no seeds), setup.sh and run_autograder:
https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

import argparse
import re
import sys
import tempfile
import zipfile
from pathlib import Path

from tflite_course.authoring import ROOT, public
from tflite_course.errors import CourseError

SCRIPTS = ("setup.sh", "run_autograder")
NOT_NEEDED = ("notebooks/", "tests/", "assets/figures/", "Makefile")


def scripts(lab, root=ROOT):
    """Return {name: text} of the two programs for a lab."""
    pin = re.search(r"^(uv==\S+)", (root / "requirements-dev.txt").read_text(encoding="utf-8"), re.M)[1]
    folder = root / "assets" / "elsewhere" / "gradescope"
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in SCRIPTS}
    return {name: text.replace("@LAB@", lab).replace("@UV@", pin) for name, text in texts.items()}


def build(lab, target, root=ROOT):
    """Write the zip file of a lab. Raises CourseError when there is no such lab."""
    if not (root / "labs" / lab / f"{lab}.ipynb").is_file():
        known = ", ".join(sorted(path.name for path in (root / "labs").iterdir() if path.is_dir()))
        raise CourseError(f"There is no lab {lab}: choose from {known}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in scripts(lab, root).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16  # a program, on every system that made the zip
            archive.writestr(entry, text)
        copy = Path(folder) / "course"
        for name in public.copy(copy, root=root):
            if not name.startswith(NOT_NEEDED):
                archive.write(copy / name, f"course/{name}")
    return target


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lab")
    parser.add_argument("--target", type=Path, help="default: build/gradescope_LAB.zip")
    options = parser.parse_args()
    try:
        target = build(options.lab, options.target or ROOT / "build" / f"gradescope_{options.lab}.zip")
    except CourseError as error:
        sys.exit(str(error))
    print(f"{target} ({target.stat().st_size / 2**20:.0f} MiB)")


if __name__ == "__main__":
    main()
