"""For instructors: labs out of solutions, and grading with nbgrader in a sandbox. Needs requirements-dev.txt."""
