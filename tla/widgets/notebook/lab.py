"""An attack on one image that runs now, in a notebook."""

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import traitlets

from tla.messages import radius_text
from tla.widgets.filming import Film, film_attack, film_data
from tla.widgets.ids import checked_id
from tla.widgets.notebook.base import ModuleWidget
from tla.widgets.sheets import sheet
from tla.widgets.still_lab import still_lab

if TYPE_CHECKING:
    from tla.attacks import AttackResult

MOST_IMAGES = 60


class LabImages(NamedTuple):
    """What a lab attacks.

    Attributes:
        x: Images in [0, 1], a tensor of shape (n, c, h, w).
        y: Their true classes, a tensor of shape (n,).
        ids: Of the images, shape (n,).
        classes: Names of the classes.
    """

    x: Any
    y: Any
    ids: np.ndarray
    classes: tuple[str, ...]


class Lab(ModuleWidget):
    """Attack an image with settings of your own and scrub through the steps; every change attacks anew.

    Attributes:
        focus: Id of the image; `image` is the same.
        attack: Name of a registered attack.
        eps: Radius, in pixel units.
        steps: Of the attack, for those that have steps.
        target: Class to reach; None for any wrong one.
        seed: Random seed.
        result: What the attack found, an `AttackResult` of one image.
        film: Every step: images, probabilities, labels.
    """

    module = "lab"
    shared = ("focus", "attack", "eps", "steps", "target")

    focus: Any = traitlets.Any(None).tag(sync=True)
    attack = traitlets.Unicode("pgd").tag(sync=True)
    eps: Any = traitlets.Float(0.0).tag(sync=True)
    steps = traitlets.Int(20).tag(sync=True)
    target: Any = traitlets.Any(None).tag(sync=True)
    seed = traitlets.Int(0)

    def __init__(self, model: Any, images: LabImages, norm: str, **state: Any) -> None:
        self.model, self.images, self.norm = model, images, norm
        self.film: Film | None = None
        self._count, self._error = 0, ""
        state = {"focus": int(images.ids[0])} | state
        super().__init__({}, **state)
        self.run()
        self.observe(lambda _: self.run(), [*self.shared, "seed"])

    @property
    def known_ids(self) -> np.ndarray:
        """Ids of the images, in their order."""
        return self.images.ids

    @property
    def image(self) -> int:
        """Id of the image."""
        return self.focus

    @property
    def result(self) -> "AttackResult":
        """What the attack found.

        Raises:
            ValueError: if the attack refused the present settings; says why.
        """
        if self.film is None:
            raise ValueError(self._error or "nothing was attacked yet")
        return self.film.result

    def run(self) -> None:
        """Attack with the present settings; the widget says so where the attack refuses them."""
        import torch

        from tla.attacks import ATTACKS, Targeted, Untargeted
        from tla.seeding import generator
        from tla.threat import Threat

        place = self._place()
        x, y = self.images.x[[place]], self.images.y[[place]]
        self._count, self._error = self._count + 1, ""
        try:
            has_steps = any(field.name == "steps" for field in dataclasses.fields(ATTACKS.get(self.attack)))
            attack = ATTACKS.build(self.attack, **({"steps": self.steps} if has_steps else {}))
            goal = Untargeted(y) if self.target is None else Targeted(torch.full_like(y, self.target))
            threat = Threat(self.norm, self.eps)  # pyright: ignore[reportArgumentType]
            self.film = film_attack(self.model, x, goal, threat, attack, generator=generator(self.seed, "dashboard"))
        except ValueError as error:
            self.film, self._error = None, str(error)
        self.redraw(self._all())

    @property
    def verdict(self) -> str:
        """What came of it, in one line."""
        if self.film is None:
            return self._error
        names, result = self.images.classes, self.film.result
        what = "reached its goal" if bool(result.success[0]) else "failed"
        before, after = names[int(self.film.before.argmax())], names[int(self.film.after.argmax())]
        distance, allowed = radius_text(float(result.distance[0]), self.eps), radius_text(self.eps)
        return (
            f"{self.attack} {what}: {before} \u2192 {after}, distance {distance} of {allowed}, "
            f"{int(result.queries[0])} queries"
        )

    @property
    def title(self) -> str:
        """Heading of a saved page."""
        return f"Attack on image {self.focus}"

    def still(self) -> bytes:
        """Clean image, noise and result as a PNG."""
        if self.film is None:
            from tla.widgets.stills import Still

            empty = Still(520, 60)
            empty.text(16, 20, self._error[:90], size=12)
            return empty.png()
        place = self._place()
        clean, y = self._pixels(place), int(self.images.y[place])
        return still_lab(self.film, clean, y, self.images.classes, self.eps, self.verdict)

    def whole(self) -> dict[str, Any]:
        """The film and the settings; nobody attacks anew."""
        return self._all() | {name: getattr(self, name) for name in self.shared} | {"answers": False}

    def _place(self) -> int:
        return int(np.flatnonzero(self.images.ids == self.focus)[0])

    def _pixels(self, place: int) -> np.ndarray:
        return self.images.x[place].float().cpu().numpy()

    def _all(self) -> dict[str, Any]:
        place = self._place()
        film = None
        if self.film is not None:
            clean, y = self._pixels(place), int(self.images.y[place])
            film = film_data(self.film, clean, y, list(self.images.classes), self.eps, 130)
        return self._fixed() | {"film": film, "made": self._count, "verdict": self.verdict, "error": self._error}

    def _fixed(self) -> dict[str, Any]:
        """What never changes: the images, and what may be chosen."""
        if not hasattr(self, "_kept"):
            from tla.attacks import ATTACKS
            from tla.attacks.base import evaluation_attacks

            first = range(min(MOST_IMAGES, len(self.images.ids)))
            names = list(evaluation_attacks())
            stepless = [n for n in names if all(f.name != "steps" for f in dataclasses.fields(ATTACKS.get(n)))]
            self._kept: dict[str, Any] = {
                "pictures": [sheet("clean", [self._pixels(k) for k in first], list(first))],
                "ids": self.images.ids[: len(first)].tolist(),
                "y": self.images.y[: len(first)].tolist(),
                "classes": list(self.images.classes),
                "attacks": names,
                "stepless": stepless,
                "norm": self.norm,
                "mostEps": max(2 * float(self.eps), 0.05),
                "answers": True,
            }
        return self._kept

    @traitlets.validate("focus")
    def _focus(self, proposal: Any) -> int:
        found = checked_id(proposal["value"], self.images.ids, "focus")
        return int(self.images.ids[0]) if found is None else found

    @traitlets.validate("attack")
    def _attack(self, proposal: Any) -> str:
        from tla.attacks import ATTACKS
        from tla.attacks.base import check_evaluates

        ATTACKS.get(proposal["value"])  # names the nearest where there is none
        check_evaluates("attack", ATTACKS.build(proposal["value"]))
        return proposal["value"]

    @traitlets.validate("eps")
    def _eps(self, proposal: Any) -> float:
        if not proposal["value"] >= 0:
            raise ValueError(f"eps must be >= 0, got {proposal['value']}")
        return float(proposal["value"])

    @traitlets.validate("steps")
    def _steps(self, proposal: Any) -> int:
        if proposal["value"] < 1:
            raise ValueError(f"steps must be >= 1, got {proposal['value']}")
        return int(proposal["value"])

    @traitlets.validate("target")
    def _target(self, proposal: Any) -> int | None:
        value, most = proposal["value"], len(self.images.classes)
        if value is not None and not (isinstance(value, int) and 0 <= value < most):
            raise ValueError(f"target must be None or a class, 0 to {most - 1}, got {value!r}")
        return value

    def __repr__(self) -> str:
        return f"Lab(image {self.focus}: {self.verdict})"
