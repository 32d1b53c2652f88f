"""How fast this machine trains: measured for a few seconds before anything is planned."""

from statistics import median

from froude.engines import Engine
from froude.tank.design import PilotRecipe, Speed, decoder_of
from froude.tank.tasks import MeasureSpeed

WIDTHS = (16, 32, 64, 128)
SECONDS = 0.6  # a measurement


def measure_speed(engine: Engine, recipe: PilotRecipe) -> Speed:
    """Speed with every worker at work, the median over workers at each width."""
    workers = engine.n_workers
    trunks = {width: recipe.trunk(decoder_of(width, width), [1_000_000], seed=0) for width in WIDTHS}
    tasks = [MeasureSpeed(trunk=trunk, seconds=SECONDS) for trunk in trunks.values() for _ in range(workers)]
    rates = engine.run(tasks)
    seconds = {
        width: 1 / (median(rates[i * workers : (i + 1) * workers]) * trunk.decoder.training_flops_per_token)
        for i, (width, trunk) in enumerate(trunks.items())
    }
    return Speed(seconds_per_flop=seconds)
