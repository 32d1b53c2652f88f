"""What a pilot of a trainer is asked for: read, kept as a command, and refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import froude
from froude.errors import InputError
from froude.pilots.command.settings import CommandSettings, read_dial
from froude.sweeps.trainer import trainer_of
from swept import train

pytest_plugins = ["door"]

COMMAND = "true --width {width} --lr {lr} --steps {steps}"
DERIVED = {"lr": "3e-3", "steps": "tokens // 512", "N": "48 * width**2"}


def settings(**changed: Any) -> CommandSettings:
    """The settings of a pilot."""
    usual: dict[str, Any] = {
        "trainer": trainer_of(COMMAND), "dial": read_dial("width=8:256:4"), "derived": DERIVED, "minutes": 5.0,
        "flops": None, "ratio": 20.0, "first_tokens": 100_000, "seed": 0, "engine": "local",
    }  # fmt: skip
    return CommandSettings(**{**usual, **changed})


def test_a_run_is_told_the_dial_its_tokens_and_what_follows() -> None:
    config = settings().config(16, 1024)
    assert config == {"width": 16, "tokens": 1024, "seed": 0, "lr": 3e-3, "steps": 2, "N": 48 * 16**2}


def test_a_dial_has_ends_and_a_multiple() -> None:
    assert read_dial("width=16:64:16").sizes(16, 64, 5) == (16, 32, 48, 64)
    assert read_dial("scale=0.5:2").sizes(0.5, 2, 3) == pytest.approx((0.5, 1.0, 2.0))
    for text in ("width", "width=16", "width=64:16", "width=0:16", "16:64", "width=16:64:0", "width=a:b"):
        with pytest.raises(InputError, match="give a name, two ends and a multiple, as in width=16:256:16"):
            read_dial(text)


def test_the_command_of_the_settings_asks_for_the_same() -> None:
    assert settings().command == (
        "froude pilot --command 'true --width {width} --lr {lr} --steps {steps}' --dial width=8:256:4 --set lr=3e-3 "
        "--set 'steps=tokens // 512' --set 'N=48 * width**2' --minutes 5"
    )
    assert settings(trainer=trainer_of(train)).command is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"derived": {"steps": "tokens"}}, "the command has {lr}, which nothing sets"),
        ({"derived": {**DERIVED, "tokens": "5"}}, "'tokens' cannot be set"),
        ({"derived": {**DERIVED, "lr": "width *"}}, "cannot be computed"),
        ({"derived": {**DERIVED, "steps": "100"}}, "have the same command: write"),
        ({"flops": 0.0}, "flops = 0"),
        ({"engine": "slow"}, "no engine 'slow'"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        settings(**changed)
    assert said in str(caught.value)


def test_options_of_the_other_trainer_are_refused(refused: Callable, tmp_path: Path) -> None:
    study = ("--study", tmp_path / "s")
    assert "--dial is for a trainer of yours: give its --command" in refused("pilot", "--dial", "width=8:16", *study)
    asked = ("pilot", "--command", COMMAND, *study)
    assert "a trainer needs a dial" in refused(*asked)
    assert "--corpus is for Froude's own trainer" in refused(*asked, "--corpus", ".")
    assert "--set 'lr' sets nothing" in refused(*asked, "--dial", "width=8:16", "--set", "lr")
    with pytest.raises(InputError, match="no other process can find"):
        froude.pilot(lambda config: 3.0, dial="width=8:16")
    assert not (tmp_path / "s").exists()
