"""See what an adversarial attack does to a network's representation, and train networks whose representation holds.

Names are imported when they are first used, so that `import tla` costs next to nothing; `__init__.pyi` lists them.

    model = tla.load("mnist/tla")
    goal, threat = tla.Untargeted(y), tla.Threat("linf", 0.3)
    found = tla.PGD(steps=40)(model, x, goal, threat)
"""

from tla.lazy import attach
from tla.machine import let_mps_fall_back, share_cores

share_cores()
let_mps_fall_back()
__getattr__, __dir__, __all__ = attach(__name__)
