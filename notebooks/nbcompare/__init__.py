"""Compares the outputs of a notebook with the stored ones."""

from nbcompare.difference import Difference
from nbcompare.figures import compare_json
from nbcompare.outputs import compare_outputs
from nbcompare.pictures import compare_pictures
from nbcompare.text import compare_text

__all__ = ["Difference", "compare_json", "compare_outputs", "compare_pictures", "compare_text"]
