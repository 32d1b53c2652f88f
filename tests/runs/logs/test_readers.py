"""What single readers of logs know of their formats."""

import json
from pathlib import Path

from froude.runs import read_curves, read_runs
from froude.runs.logs.known_readers import find_log_reader
from froude.runs.logs.step_tables import StepTableReader
from froude.runs.logs.text_logs import TextLogReader
from froude.runs.logs.trainer_state import TrainerStateReader
from logs_written import trainer_state

ROWS = "step,train_loss,val_loss\n10,4.5,\n10,,4.625\n20,4.0,\n20,,4.125\n"


def test_the_longest_log_of_an_output_folder_counts(tmp_path: Path) -> None:
    output = trainer_state(tmp_path)
    early = {"global_step": 10, "max_steps": 120, "log_history": [{"step": 10, "loss": 9.0}]}
    (output / "checkpoint-10").mkdir()
    (output / "checkpoint-10" / "trainer_state.json").write_text(json.dumps(early))
    (run,) = TrainerStateReader().logs(output)
    assert (run.id, run.name, run.state) == (".", "output", "finished")
    assert run.series["loss"].at.size == 12
    (output / "checkpoint-120" / "trainer_state.json").write_text("")
    (run,) = TrainerStateReader().logs(output)
    assert run.series["loss"].values.tolist() == [9.0]


def test_a_checkpoint_knows_the_model_beside_it(tmp_path: Path) -> None:
    output = trainer_state(tmp_path)
    gpt2 = {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}
    (output / "checkpoint-120" / "config.json").write_text(json.dumps(gpt2))
    assert read_runs(output)["N"].tolist() == [124_439_808]
    assert read_runs(output / "checkpoint-120")["N"].tolist() == [124_439_808]


def test_a_folder_of_lightning_versions_is_a_run_each(tmp_path: Path) -> None:
    for i in range(2):
        folder = tmp_path / "lightning_logs" / f"version_{i}"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text(ROWS)
        (folder / "hparams.yaml").write_text(f"n_params: {i + 1}000000\nmodel: !!python/object:a.B\n  width: 8\n")
    runs = read_runs(tmp_path / "lightning_logs")
    assert runs["name"].tolist() == ["version_0", "version_1"]
    assert runs["N"].tolist() == [1e6, 2e6]
    assert runs["loss"].tolist() == [4.125, 4.125]
    assert runs["config.model.width"].tolist() == [8, 8]
    curves = read_curves(tmp_path / "lightning_logs")
    assert {name: values.tolist() for name, values in curves["version_0/metrics.csv"].items()} == {
        "step": [10.0, 20.0],
        "train_loss": [4.5, 4.0],
        "loss": [4.625, 4.125],
    }


def test_a_column_of_runs_parts_a_table(tmp_path: Path) -> None:
    lines = [f"{run},{step},{loss - step / 100}" for run, loss in (("a", 4), ("b", 5)) for step in (10, 20)]
    (tmp_path / "sweep.csv").write_text("\n".join(["run,iter,val_loss", *lines]) + "\n")
    runs = read_runs(tmp_path / "sweep.csv")
    assert runs["name"].tolist() == ["a", "b"]
    assert runs["loss"].tolist() == [3.8, 4.8]
    assert runs["S"].tolist() == [20, 20]


def test_a_table_of_runs_with_a_step_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("N,D,step,loss\n1e6,1e8,100,3.5\n2e6,2e8,200,3.25\n")
    assert find_log_reader(tmp_path / "runs.csv") is None
    assert len(read_runs(tmp_path / "runs.csv")) == 2
    (tmp_path / "down.csv").write_text("size,step,acc\n1,300,0.5\n2,200,0.6\n")
    assert find_log_reader(tmp_path / "down.csv") is None


def test_a_broken_line_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(ROWS.replace("20,4.0,\n", "20,4.0\n"))
    (run,) = StepTableReader().logs(tmp_path / "metrics.csv")
    assert run.notes == ("metrics.csv: line 4 is not the 3 cells of a row and left out",)
    assert run.series["train_loss"].at.tolist() == [10.0]


def test_megatrons_text_says_its_arguments_and_losses(tmp_path: Path) -> None:
    lines = ["  hidden_size ..................................... 1024", "  seq_length ...................... 1024"]
    lines += [
        f" [2026-01-01 00:00:00] iteration      {i}/    5000 | consumed samples:        {i * 256} | elapsed time per "
        f"iteration (ms): 812.3 | learning rate: 1.500000E-04 | global batch size:   256 | lm loss: {8 - i / 100}E+00"
        " | loss scale: 1.0 | grad norm: 0.811 | number of skipped iterations:   0 |"
        for i in (100, 200)
    ]
    lines.append(" validation loss at iteration 200 | lm loss value: 6.250000E+00 | lm loss PPL: 5.1E+02 | ")
    (tmp_path / "train.log").write_text("\n".join(lines) + "\n")
    (run,) = TextLogReader().logs(tmp_path / "train.log")
    assert run.config["hidden_size"] == "1024"
    runs = read_runs(tmp_path / "train.log")
    assert (runs["loss"][0], runs["train_loss"][0], runs["D"][0]) == (6.25, 6.0, 200 * 256 * 1024)
    assert runs["S"][0] == 200


def test_texts_of_other_trainers_are_read(tmp_path: Path) -> None:
    texts = {
        "llm.c": "s:0 tel:11.0\ns:250 trl:4.5 lr:6.0e-04 norm:1.1\ns:250 tel:4.625\n",
        "modded": "step:125/1750 val_loss:4.5 train_time:100ms\nstep:250/1750 val_loss:4.625 train_time:200ms\n",
        "titan": "step: 10  loss: 8.2  grad_norm: 1.0  memory: 40GiB\n\x1b[32mvalidate step: 20  loss: 4.625\x1b[39m\n",
        "tune": "Step 1 | loss:5.0 lr:2e-05\nStep 2 | loss:4.625 lr:1e-05 tokens_per_second_per_gpu:100\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.log").write_text(text)
        assert read_runs(tmp_path / f"{name}.log")["loss"].tolist() == [4.625], name
    assert len(read_runs(tmp_path)) == len(texts)
