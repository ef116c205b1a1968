"""Statistics of counts, scores and paired designs. Torch is never imported here."""

from tla.statistics.accuracy import WORST, accuracy, accuracy_and_worst, at_eps, main_eps, summarise, worst_case
from tla.statistics.agreement import Agreement, agreement
from tla.statistics.coverage import (
    Failures,
    Measures,
    failure_frame,
    failures,
    measure_intervals,
    measures,
    risk_coverage,
)
from tla.statistics.exact import at_least, binomial_tail, exceeds, mcnemar, sign_test
from tla.statistics.intervals import Interval, bootstrap_mean, mean_intervals, median_interval, student, wilson
from tla.statistics.leading import accuracy_intervals, alone, leading, training_spread
from tla.statistics.paired import PairedMean, mean_difference, paired, paired_differences, paired_mean
from tla.statistics.roc import (
    Roc,
    Sides,
    auc,
    auc_frame,
    auc_interval,
    roc_band,
    roc_curve,
    sides,
    tpr_at_fpr,
    tpr_interval,
)
from tla.statistics.verdicts import adjusted, power, verdicts

__all__ = [
    "risk_coverage",
    "measures",
    "measure_intervals",
    "failures",
    "failure_frame",
    "Measures",
    "Agreement",
    "agreement",
    "Failures",
    "WORST",
    "Interval",
    "PairedMean",
    "Roc",
    "Sides",
    "accuracy",
    "accuracy_intervals",
    "adjusted",
    "alone",
    "leading",
    "mean_difference",
    "median_interval",
    "power",
    "training_spread",
    "verdicts",
    "accuracy_and_worst",
    "at_eps",
    "at_least",
    "auc",
    "auc_frame",
    "auc_interval",
    "binomial_tail",
    "bootstrap_mean",
    "exceeds",
    "main_eps",
    "mcnemar",
    "mean_intervals",
    "paired",
    "paired_differences",
    "paired_mean",
    "roc_band",
    "roc_curve",
    "sides",
    "sign_test",
    "student",
    "summarise",
    "tpr_at_fpr",
    "tpr_interval",
    "wilson",
    "worst_case",
]
