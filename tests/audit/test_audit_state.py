"""An audit leaves no trace: mode, weights, gradients, buffers, hooks, random states."""

import random
from dataclasses import replace

import defences
import numpy as np
import pytest
import torch
from audit_cases import QUICK, cheap

from tla.audit import CHECKS, run_audit
from tla.audit.snapshot import _random_states, changes, restoring


@pytest.fixture
def small(digits, threat):
    return {"x": digits.x[:40], "y": digits.y[:40], "threat": threat, "attack": QUICK}


@pytest.mark.more
def test_mode_gradients_weights_and_hooks_stay(natural, small):
    model = defences.Dropout(natural)
    model.register_forward_hook(lambda *_: None)
    model.model.head.weight.grad = torch.ones_like(model.model.head.weight)
    model.model.head.bias.requires_grad_(False)
    kept = model.model.head.weight.grad
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    flags = {name: module.training for name, module in model.named_modules()}
    versions = {name: parameter._version for name, parameter in model.named_parameters()}
    try:
        run_audit(model, **small, checks=cheap())
        assert {name: module.training for name, module in model.named_modules()} == flags
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
        assert {name: parameter._version for name, parameter in model.named_parameters()} == versions
        assert model.model.head.weight.grad is kept
        assert torch.equal(kept, torch.ones_like(kept))
        assert all(p.grad is None for name, p in model.named_parameters() if name != "model.head.weight")
        assert not model.model.head.bias.requires_grad
        hooks = [len(m._forward_hooks) + len(m._backward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
        assert sum(hooks) == 1
    finally:
        model.model.head.weight.grad = None
        model.model.head.bias.requires_grad_(True)


def test_global_random_states_stay_though_the_model_uses_them(natural, small):
    class Draws(defences.Wrapped):
        def forward(self, x):
            return self.model(x + 1e-3 * (torch.rand(()) + np.random.rand()))  # noqa: NPY002

    def seeded():
        torch.manual_seed(3)
        np.random.seed(3)  # noqa: NPY002

    seeded()
    expected = torch.rand(1).item(), np.random.rand()  # noqa: NPY002
    seeded()
    run_audit(Draws(natural), **small)
    assert (torch.rand(1).item(), np.random.rand()) == expected  # noqa: NPY002


def test_pythons_random_state_stays_too():
    before = random.getstate()
    with _random_states():
        random.random()
        assert random.getstate() != before
    assert random.getstate() == before


def test_a_buffer_that_changes_is_named_and_restored(natural, small):
    model = defences.Adapting(natural)
    report = run_audit(model, **small)
    assert "shift" in report["eval_mode"].evidence
    assert float(model.shift) == 0


def test_sources_are_left_alone_too(natural, sound, small):
    sound.train()
    try:
        run_audit(natural, **small, checks=[CHECKS.build("transfer_matrix")], sources={"sound": sound})
        assert all(module.training for module in sound.modules())
    finally:
        sound.eval()


def test_the_state_comes_back_after_an_interruption(natural, small):
    class Stops(defences.Wrapped):
        def forward(self, x):
            raise KeyboardInterrupt

    model = Stops(natural)
    model.train()
    with pytest.raises(KeyboardInterrupt):
        run_audit(model, **small)
    assert all(module.training for module in model.modules())
    natural.eval()


def test_changes_names_parameters_and_modes(natural):
    with restoring(natural) as before:
        assert changes(natural, before) == ()
        natural.head.train()
        with torch.no_grad():
            natural.head.bias.add_(1)
        assert changes(natural, before) == ("head.bias", "head")
    assert not natural.head.training


def test_the_same_seed_gives_the_same_report(natural, small):
    first, again = (run_audit(natural, **small, seed=4) for _ in range(2))
    assert first.verdicts == again.verdicts
    assert replace(first.summary, seconds=0.0) == replace(again.summary, seconds=0.0)
