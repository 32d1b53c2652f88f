"""Learning curves of translation models: each curve's smaller training sets predict the largest."""

import numpy as np

from froude import Law, Runs, get_law, get_published
from froude.fitting import choose, fit
from froude.laws.families.broken import broken

from .compare import Contest

STUDY, FILE = "nmt_learning_curves", "nmt.csv"
COLUMNS = {"D": "seen_examples", "loss": "log_perplexity"}
DRAWS = 20  # of bootstraps that nothing here looks at


def contests() -> list[Contest]:
    """Froude's choice of laws, curve by curve, beside M4 and beside the broken law with one break."""
    table = get_published(STUDY).read(FILE, COLUMNS)
    curves = [table.where(f"model = '{model}'") for model in dict.fromkeys(table["model"])]
    ours = np.array([error(curve, "auto") for curve in curves])
    rivals = {"M4, refitted": get_law("m4", "D"), "broken law, one break, refitted": broken(1).over("D")}
    return [
        Contest(
            name="translation: learning curves",
            split="training = 1 of the table, curve by curve; RMSE of the log loss",
            rival=name,
            fitted=int(table["training"].sum()),
            ours=ours,
            theirs=np.array([error(curve, law) for curve in curves]),
            groups=np.arange(len(curves)),
        )
        for name, law in rivals.items()
    ]


def error(curve: Runs, law: Law | str) -> float:
    """The root mean square error of the logarithm of the held-out losses of a curve."""
    known, rest = curve.take(curve["training"] == 1), curve.take(curve["training"] == 0)
    made = choose(known, x="D", draws=DRAWS).fit if law == "auto" else fit(law, known, draws=DRAWS)
    forecast = made.predict(D=rest["D"]).mean
    return float(np.sqrt(np.mean(np.log(forecast / rest["loss"]) ** 2)))
