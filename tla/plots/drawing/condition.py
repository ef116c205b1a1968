"""Figures of any condition and gallery: the words for an attack become the condition's name."""

import re

PHRASES = (
    (r"; eps = 0(?=[;.,])", ""),
    (r",? (?:at )?eps = 0(?=[;:.,])", ""),
    (r"(?:; |, )(?:attack )?not adaptive(?=[;.,])", ""),
    (r", at an eps larger than in training", ""),
    (r" A detector that the attacker knows does worse: curves without an adaptive attacker are labelled as such\.", ""),
    (r"\b([Uu])nder (?:the )?attack\b", r"\1nder {name}"),
    (r"\b(before and after|[Bb]efore|[Aa]fter) the attack\b", r"\1 {name}"),
    (r"\b[Tt]he attack\b", "{name}"),
    (r"\b[Aa]n (?:adversarial|attacked)\b", "a {name}"),
    (r"\b(?:[Aa]dversarial|[Aa]ttacked)\b", "{name}"),
)
"""What is said of an attack, and what is said of any other condition of the same images."""
TRAINING = re.compile(r"\b(?:(?:natural|clean) )?training images\b")
QUOTED = re.compile(r"(“[^”]*”)")


def said(text: str, condition: str, *, shared: bool = False) -> str:
    """A sentence about an attack as one about a condition: "The attack turns ..." becomes "“blur” turns ...".

    What stands in “quotation marks” stays, so that saying it twice changes nothing.

    Args:
        text: Of a figure or a page.
        condition: Name of the condition, escaped where the text is; with "" it stays an attack.
        shared: True if the gallery is the test images themselves, so that neighbours are other test images.
    """
    if shared:
        text = TRAINING.sub("other test images", text)
    if not condition:
        return text
    for pattern, words in PHRASES:
        replacement = words.format(name=f"“{condition}”".replace("\\", "\\\\"))
        text = "".join(
            part if QUOTED.fullmatch(part) else re.sub(pattern, replacement, part) for part in QUOTED.split(text)
        )
    return text
