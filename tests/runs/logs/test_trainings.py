"""N, D and loss in configurations as real trainers write them: never wrong, seldom asked."""

import numpy as np
import pytest
import torch

from froude.errors import InputError
from froude.runs.logs.run_roles import roles_of_run
from logged_trainings import FIRST, Training
from more_logged_trainings import MORE

TRAININGS = (*FIRST, *MORE)
FEWEST, WITHOUT_QUESTION = 30, 0.8
NEAR = 2e-3  # a step of 2000 or so, where a log counts from 0

every_training = pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.trainer)


@every_training
def test_roles_are_those_of_the_training_or_a_question(training: Training) -> None:
    if training.asks:
        with pytest.raises(InputError) as caught:
            roles_of_run(training.run())
        assert training.asks in str(caught.value)
        assert "--columns " in str(caught.value)
        return
    roles = roles_of_run(training.run())
    for role in ("N", "D", "loss", "train_loss"):
        wanted, found = getattr(training, role), roles.get(role)
        assert (found is None) == (wanted is None), (role, found)
        if found is not None and wanted is not None:
            exact = role != "D"
            assert found.value == wanted if exact else abs(found.value / wanted - 1) < NEAR, (role, found)
            assert found.source


def test_most_trainings_of_which_a_law_can_be_fitted_need_no_question() -> None:
    names = [training.trainer for training in TRAININGS]
    assert len(names) == len({*names}) >= FEWEST
    plain = [each for each in TRAININGS if not each.asks]
    print(f"{len(names)} configurations, {len(names) - len(plain)} ask")
    whole = [each for each in plain if None not in (each.N, each.D, each.loss)]
    print(f"{len(whole)} of them say N, D and loss")
    assert len(plain) >= WITHOUT_QUESTION * len(names)


@pytest.mark.trackers
@every_training
def test_parameters_are_those_of_the_class_of_transformers(training: Training) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM  # pyright: ignore[reportMissingImports]

    config = training.config.get("model", training.config)
    config = config.get("model_config", config) if isinstance(config, dict) else training.config
    kind = "llama" if config.get("is_llama_config") else config.get("model_type")
    if kind is None or training.asks:
        return
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(kind, **{k: v for k, v in config.items() if k != "model_type"})
        )
    assert roles_of_run(training.run())["N"].value == sum(each.numel() for each in model.parameters())


def test_an_answer_to_a_question_is_taken() -> None:
    asking = next(each for each in TRAININGS if each.trainer == "OLMo-core with sets to evaluate")
    roles = roles_of_run(asking.run(), {"loss": "eval/lm/c4_en-validation/CE loss"})
    assert roles["loss"].value == 2.8
    assert roles["train_loss"].value == 2.71
    assert np.isclose(roles["D"].value, 2000 * 4194304)
