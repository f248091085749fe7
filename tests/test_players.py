"""`training.players`: how players are read and checked, without a framework."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.compiler.infer.memory import estimated_memory
from modelspec.core.diagnostics import Diagnostic

SPEC = """\
model:
  inputs: {real: [2], noise: [8]}
  shared:
    generator: [{Dense: {units: 32, activation: relu}}, {Dense: 2}]
    critic: [{Dense: {units: 32, activation: relu}}, {Dense: 1}]
  layers:
    - generator: {from: noise, name: made}
    - critic: {from: real, name: on_real}
    - critic: {from: made, name: on_made}
  outputs: [made, on_real, on_made]
training:
  players:
    critic:
      trains: [critic]
      objective: {real: {formula: "softplus(-r)", from: {r: on_real}}, made: {formula: "softplus(m)", from: {m: on_made}}}
      optimizer: {Adam: 1e-3}
      updates: 2
    generator:
      trains: [generator]
      objective: {fool: {formula: "softplus(-m)", from: {m: on_made}}}
      optimizer: {Adam: 1e-3}
data:
  source: {npz: mixture.npz}
  split: {validation: 0.2}
  inputs: {real: {column: x}, noise: {random: normal}}
"""


def checked(text: str, tmp_path: Path) -> tuple[Diagnostic, ...]:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return ms.check(path).diagnostics


def test_the_example_of_the_language_has_no_faults(tmp_path: Path) -> None:
    assert checked(SPEC, tmp_path) == ()


FOOL = 'fool: {formula: "softplus(-m)", from: {m: on_made}}'
BAD = [
    # patterns
    ("trains: [critic]", 'trains: ["*"]', "MS862", '"*"'),
    ("trains: [critic]", 'trains: ["c*", "?enerator"]', "MS862", '"?enerator"'),
    ("trains: [critic]", "trains: [critic/dense]", "MS861", "players"),
    ("trains: [critic]", "trains: [critc]", "MS531", "critc"),
    ("trains: [generator]", "trains: [made]", "MS531", "made"),
    ("  players:", "  freeze: [critic]\n  players:", "MS863", "[critic]"),
    # objectives
    ("fool: {formula: \"softplus(-m)\", from: {m: on_made}}", 'fool: "softplus(on_real)"', "MS863",
     "objective"),
    (FOOL, f"{FOOL[:-1]}, weight: 0}}", "MS863", "objective"),
    (FOOL, "", "MS204", "{}"),
    (FOOL, FOOL.replace("on_made", "on_mad"), "MS302", "on_mad"),
    (FOOL, FOOL.replace("(-m)", "(-gradient(m, 2 * m))"), "MS844", "2 * m"),
    (FOOL, FOOL.replace("softplus(-m)", "mean(m) + made"), "MS840", "mean(m) + made"),
    (FOOL, FOOL.replace("softplus(-m)", "m - target.x"), "MS843", "target.x"),
    # keys and values
    ("    generator:\n      trains: [generator]", "    generator:", "MS203", "generator"),
    ("      updates: 2", "      update: 2", "MS201", "update"),
    ("updates: 2", "updates: 0", "MS205", "0"),
    ("updates: 2", "updates: 1.5", "MS204", "1.5"),
    ("  players:", "  playrs:", "MS201", "playrs"),
    ("      updates: 2", "    third: 3", "MS204", "3"),
    # optimizers
    ("Adam: 1e-3", "Adm: 1e-3", "MS206", "Adm"),
    ("Adam: 1e-3", "Adam: {lerning_rate: 1e-3}", "MS202", "lerning_rate"),
    ("{Adam: 1e-3}", "{Adam: {learning_rate: 0.0}}", "MS551", "{Adam: {learning_rate: 0.0}}"),
    # names
    (FOOL, FOOL.replace("fool", "loss"), "MS865", "loss"),
    ("    generator:\n", "    val:\n", "MS865", "val"),
    ("    generator:\n", "    a b:\n", "MS865", "a b"),
    # monitors
    ("  players:", "  callbacks: [{EarlyStopping: {monitor: val_critic_rael}}]\n  players:",
     "MS520", "val_critic_rael"),
    ("  players:", "  callbacks: [EarlyStopping]\n  players:", "MS520", "EarlyStopping"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "then", "code", "at"), BAD)
def test_a_fault_is_reported_once_at_its_place(
    now: str, then: str, code: str, at: str, tmp_path: Path
) -> None:
    assert now in SPEC
    found = checked(SPEC.replace(now, then, 1), tmp_path)
    assert [one.code for one in found] == [code], [str(one) for one in found]
    assert found[0].span is not None and (not at or found[0].span.text == at)
    assert found[0].help or not code.startswith("MS86")


def test_a_callback_cannot_set_the_rate_that_a_schedule_sets(tmp_path: Path) -> None:
    decay = "{PolynomialDecay: {initial_learning_rate: 0.1, decay_steps: 9}}"
    callback = "  callbacks: [{ReduceLROnPlateau: {monitor: val_critic_loss}}]\n"
    text = SPEC.replace("Adam: 1e-3", f"Adam: {decay}", 1)
    assert checked(text, tmp_path) == ()
    (one,) = checked(text.replace("  players:", f"{callback}  players:"), tmp_path)
    assert one.code == "MS528"


def test_keys_beside_players_are_refused_each_at_its_place(tmp_path: Path) -> None:
    keys = {
        "loss": "mse",
        "loss_weights": "{made: 2}",
        "optimizer": "adam",
        "objective": '{a: "mean(made)"}',
        "stages": "[{name: a, epochs: 2}]",
        "class_weight": "balanced",
        "lora": "{rank: 2, layers: [critic]}",
    }
    written = "".join(f"  {key}: {value}\n" for key, value in keys.items())
    found = checked(SPEC.replace("  players:", f"{written}  players:"), tmp_path)
    assert [one.code for one in found] == ["MS860"] * len(keys)
    assert [one.span and one.span.text for one in found] == list(keys)
    removed = "".join(f"  {key}: null\n" for key in keys)  # as a file that extends another one may
    assert checked(SPEC.replace("  players:", f"{removed}  players:"), tmp_path) == ()


def test_two_players_may_train_a_layer_that_both_name(tmp_path: Path) -> None:
    both = SPEC.replace("trains: [generator]", "trains: [generator, critic/dense]")
    assert checked(both, tmp_path) == ()


def test_a_layer_without_effect_is_a_warning(tmp_path: Path) -> None:
    text = SPEC.replace("trains: [critic]", "trains: [critic, generator/dense]").replace(
        "softplus(m)", "softplus(-m)"
    ).replace("from: {m: on_made}}}\n      optimizer", "from: {m: on_real}}}\n      optimizer", 1)  # fmt: skip
    (one,) = checked(text, tmp_path)
    assert (one.code, one.severity) == ("MS864", "warning")
    assert "`generator/dense`" in one.message


def test_what_players_log_can_be_monitored_and_expected(tmp_path: Path) -> None:
    more = (
        "  metrics: {on_real: [mae]}\n"
        "  callbacks:\n"
        "    - EarlyStopping: {monitor: val_critic_loss}\n"
        "    - ReduceLROnPlateau: {monitor: generator_fool}\n"
        "    - ModelCheckpoint: {filepath: '{epoch}-{critic_made:.2f}.keras', monitor: critic_loss}\n"
    )
    text = SPEC.replace("  players:", f"{more}  players:").replace(
        "noise: {random: normal}}", "noise: {random: normal}}\n  targets: {on_real: k}"
    )
    assert checked(f"{text}expect: {{val_critic_real: '< 2', val_generator_loss: '< 1'}}\n", tmp_path) == ()  # fmt: skip
    (one,) = checked(f"{text}expect: {{val_loss: '< 2'}}\n", tmp_path)
    assert one.code == "MS801"


def test_the_memory_is_that_of_the_largest_update(tmp_path: Path) -> None:
    """Adam keeps two values for each weight of its player; the gradients of one player exist at a
    time.
    """
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    spec = ms.load_spec(path)
    assert spec.compiled.graph is not None
    found = estimated_memory(spec.compiled.graph, spec.compiled.training)
    generator, critic = 8 * 32 + 32 + 32 * 2 + 2, 2 * 32 + 32 + 32 + 1
    assert (found.weights, found.slots) == (4 * (generator + critic), 2 * 4 * (generator + critic))
    assert found.gradients in (4 * generator, 4 * critic)


def test_show_and_resolve_name_the_players(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    run = CliRunner().invoke
    assert "player critic     2 updates in each step, 129 trainable" in run(main, ["show", str(path)]).output  # fmt: skip
    shown = json.loads(run(main, ["show", str(path), "--format", "json"]).output)
    assert [one["trainable_parameters"] for one in shown["players"]] == [129, 354]
    resolved = run(main, ["resolve", "--defaults", str(path)]).output
    assert "beta_1: 0.9" in resolved and "updates: 1" in resolved
    assert checked(resolved, tmp_path) == ()


def test_a_value_of_a_player_can_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    spec = ms.load_spec(path, overrides={"training.players.critic.updates": 5})
    assert [one.updates for one in spec.compiled.training.players] == [5, 1]
