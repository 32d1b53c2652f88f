"""What a shell completes: commands, options and names, asked as a shell asks."""

import os
import subprocess
import sys

import pytest

from froude import all_laws

pytest_plugins = ["door"]


@pytest.fixture
def completed(cli, monkeypatch):
    """What Bash is told may come next after some words, of which the last is not finished."""

    def ask(*words: str) -> list[str]:
        monkeypatch.setenv("_FROUDE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(["froude", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        done = cli()
        assert (done.code, done.err) == (0, "")
        return done.out.split()

    return ask


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("pub",), ["published"]),
        (("laws", "chin"), ["chinchilla", "chinchilla-tied"]),
        (("laws", "--family", "kap"), ["kaplan"]),
        (("predict", "chinchilla:bes"), ["chinchilla:besiroglu-2024"]),
        (("optimal", "step-law-b"), ["step-law-batch"]),
        (("fit", "runs.csv", "--law", "aut"), ["auto"]),
        (("backtest", "runs.csv", "--law", "power,chinchilla-"), ["power,chinchilla-tied"]),
        (("machine", "show", "gb"), ["gb200", "gb300"]),
        (("plan", "train", "--machine", "h100-p"), ["h100-pcie"]),
        (("plan", "train", "--model", "deepseek-v3"), ["deepseek-v3", "deepseek-v3.2"]),
        (("cost", "model", "gpt2-x"), ["gpt2-xl"]),
        (("published", "stepl"), ["steplaw"]),
        (("grow", "--example", "strass"), ["strassen"]),
        (("atlas", "show", "kiv"), ["kivi"]),
        (("fit", "--hel"), ["--help"]),
    ],
)
def test_a_shell_completes_a_name(completed, words, names):
    assert completed(*words) == names


def test_a_shell_is_given_every_law(completed):
    assert completed("laws", "") == [law.name for law in all_laws()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_asks_this_program(cli, monkeypatch, shell):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    done = cli("--show-completion", shell)
    assert done.code == 0
    assert "_FROUDE_COMPLETE=complete_" in done.out


@pytest.mark.slow
def test_bash_completes_with_the_script_that_is_shown(tmp_path):
    """The script is read by a real shell, which asks the real program."""
    program = tmp_path / "froude"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m froude "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "script"
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    asked = environment | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    script.write_text(
        subprocess.run([program, "--show-completion", "bash"], env=asked, capture_output=True, text=True).stdout
    )
    words = "COMP_WORDS=(froude laws chinchilla-); COMP_CWORD=2"
    use = f"source {script}; {words}; _froude_completion froude; echo $COMPREPLY"
    done = subprocess.run(["bash", "-c", use], env=environment, capture_output=True, text=True)
    assert done.stdout == "chinchilla-tied\n"
