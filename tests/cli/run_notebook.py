"""run_notebook.py FILE.ipynb: runs a notebook's code cells in order, as Jupyter would, with nothing but Python's own library."""
import json
import sys

with open(sys.argv[1]) as file:
    notebook = json.load(file)
assert notebook["nbformat"] == 4, notebook["nbformat"]
names = {"__name__": "__main__"}
for number, cell in enumerate(notebook["cells"], 1):
    if cell["cell_type"] != "code":
        continue
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    exec(compile(source, f"cell {number}", "exec"), names)
