"""The same grader on other people's machines: GitHub Classroom and Gradescope.

Both give each submission a container that is thrown away; `one` with kind="contained" grades in it. What is handed in
is in assets/elsewhere/.
"""
