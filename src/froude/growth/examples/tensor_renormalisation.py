"""The free energy of the Ising model on a square lattice by tensor renormalisation: error and time by bond dimension.

Levin and Nave 2007 (Physical Review Letters 99, 120601) halve a network of tensors again and again, and keep so many
singular values, the bond dimension, of every cut. "Accuracy and Efficiency of Simplified Tensor Network Codes" asks
what accuracy costs in such codes. The exact free energy is Onsager's (1944, Physical Review 65, 117-149).

At the temperature 2.5, a tenth above the critical one. The quality is the relative error of the free energy.

Expected: time with an exponent up to 6, that of a singular value decomposition of χ² rows; an error that falls as a
power of χ or faster; so that a target error asks for a bond dimension, and that for a time.
"""

import numpy as np

from froude import growth

TEMPERATURE, HALVINGS, TARGET = 2.5, 30, 1e-5


def prepare(size: float, rng: np.random.Generator) -> int:
    """The bond dimension."""
    return int(size)


def free_energy(bond: int) -> float:
    """Free energy a site in units of the coupling, by halving until 2^HALVINGS sites are one tensor."""
    spins = np.array([1.0, -1.0])
    weights = np.exp(np.multiply.outer(spins, spins) / TEMPERATURE)
    tensor = np.einsum("ab,bc,cd,da->abcd", *[weights] * 4)  # a tensor of four spins: two sites each
    log, sites = 0.0, 2.0
    for _ in range(HALVINGS):
        scale = np.abs(tensor).max()
        log += np.log(scale) / sites
        tensor = halved(tensor / scale, bond)
        sites *= 2
    return -TEMPERATURE * (log + np.log(np.einsum("abab->", tensor)) / sites)


def halved(tensor: np.ndarray, bond: int) -> np.ndarray:
    """The tensor of a network with half as many: four halves of neighbours joined around a hole (legs u, r, d, l)."""
    (northeast, southwest), (southeast, northwest) = cut(tensor, bond), cut(tensor.transpose(1, 2, 3, 0), bond)
    upper = np.einsum("ptj,qpk->tjqk", southeast, southwest, optimize=True)
    lower = np.einsum("sql,tsi->qlti", northwest, northeast, optimize=True)
    return np.einsum("tjqk,qlti->jkli", upper, lower, optimize=True)


def cut(tensor: np.ndarray, bond: int) -> tuple[np.ndarray, np.ndarray]:
    """Two halves with three legs whose product over the last is nearest to the tensor (a, b | c, d)."""
    a, b, c, d = tensor.shape
    left, values, right = np.linalg.svd(tensor.reshape(a * b, c * d), full_matrices=False)
    kept = min(bond, int(np.sum(values > 1e-14 * values[0])))
    root = np.sqrt(values[:kept])
    return (left[:, :kept] * root).reshape(a, b, kept), (right[:kept].T * root).reshape(c, d, kept)


def exact() -> float:
    """Onsager's free energy a site, by the trapezoid rule, which is exact to rounding for periodic functions."""
    k = 2 / TEMPERATURE
    angle = np.linspace(0, np.pi, 4001)
    modulus = 2 * np.sinh(k) / np.cosh(k) ** 2
    inner = np.log((1 + np.sqrt(1 - modulus**2 * np.sin(angle) ** 2)) / 2)
    return -TEMPERATURE * (np.log(2 * np.cosh(k)) + float(np.trapezoid(inner, angle)) / (2 * np.pi))


def error(bond: int, result: float) -> float:
    """The relative error."""
    return abs(result / exact() - 1)


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """What a target error asks for, with the error's steps above its fit allowed for, and what it then is."""
    time, errors = result.growth("renormalisation"), result.growth("renormalisation", "quality")
    sizes = np.array(result.experiment.sizes)
    steps = max(result.median("renormalisation", n, "quality") / float(errors.at(n)) for n in sizes)
    bond = int(np.ceil((TARGET / (steps * errors.b)) ** (1 / errors.exponent)))
    reached = error(bond, free_energy(bond))
    return {
        f"time with exponent {time.exponent:.2f} ({time.lo:.2f} to {time.hi:.2f}) in bond dimension, 3 to 7": (
            3 < time.exponent < 7
        ),
        f"error with exponent {errors.exponent:.2f} ({errors.lo:.2f} to {errors.hi:.2f})": errors.hi < -1,
        f"an error of {TARGET:g} asks for bond dimension {bond} and {float(time.at(bond)):.2g} s: {reached:.1g}": (
            reached <= TARGET
        ),
    }


EXPERIMENT = growth.Experiment(
    title="Free energy of the Ising model by tensor renormalisation",
    source="Levin and Nave 2007",
    sizes=(4, 6, 8, 10, 12, 14),
    methods={"renormalisation": free_energy},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="bond dimension",
    expected="time with an exponent up to 6, an error that falls as a power",
    claims=(growth.RowClaim(row="simplified-tensor-network", holds=holds),),
)
