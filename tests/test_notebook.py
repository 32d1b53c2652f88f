"""The notebook of examples: it runs, and what ends a cell is a table or a picture."""

import re

import nbformat
import pytest

from paths import ROOT

NOTEBOOK = ROOT / "examples" / "first_forecast.ipynb"
SHOWN = {
    "runs": "text/html",
    "fit": "text/html",
    "fit.plot()": "image/png",
    'fit.predict(N="75.3k", D="2.26M")': "text/html",
    "judged": "text/html",
    'froude.optimal(fit, "1e13 FLOP")': "text/html",
    "plan": "text/html",
}
"""The last lines of cells, and what they show."""


def outputs(notebook: nbformat.NotebookNode) -> dict[str, list[nbformat.NotebookNode]]:
    """What cells of code show, by their last lines."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {cell.source.splitlines()[-1]: cell.outputs for cell in cells}


def check(notebook: nbformat.NotebookNode) -> None:
    """That no cell fails, and that each shows its table or picture, and none the inside of Python."""
    shown = outputs(notebook)
    assert [one for each in shown.values() for one in each if one.output_type == "error"] == []
    for line, kind in SHOWN.items():
        (one,) = shown[line]
        assert kind in one.data
        if kind == "text/html":
            text = one.data["text/plain"]
            assert "<table" in one.data[kind]
            assert re.search("[─█]", text)
            assert not re.search(r"<froude|lambda|array\(|mappingproxy", text)


def test_the_notebook_was_saved_with_its_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    check(notebook)
    (line,) = outputs(notebook)["print(fit.provenance.line)"]
    assert "froude.fit('chinchilla', runs, draws=200) · seed 0" in line.text


@pytest.mark.slow  # a kernel starts, fits and plans
def test_the_notebook_runs_anew_and_shows_what_it_did():
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    saved = {line: [one.data["text/plain"] for one in outputs(notebook)[line]] for line in SHOWN}
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(NOTEBOOK.parent))
    check(notebook)
    for line in SHOWN:
        (text,) = (one.data["text/plain"] for one in outputs(notebook)[line])
        assert text.splitlines()[0] == saved[line][0].splitlines()[0]
