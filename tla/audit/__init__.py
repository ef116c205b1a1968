"""Is this evaluation believable? One check per file in `checks`; each gives a verdict, evidence and advice."""

from tla.audit.base import CHECKS, LEVELS, Check, Level, Verdict
from tla.audit.report import AuditReport, AuditSummary, plain, rendered, statement
from tla.audit.run import AuditProgress, audit_stored, default_attack, run_audit

__all__ = [
    "CHECKS",
    "LEVELS",
    "Check",
    "Level",
    "Verdict",
    "AuditReport",
    "AuditSummary",
    "AuditProgress",
    "run_audit",
    "audit_stored",
    "default_attack",
    "plain",
    "rendered",
    "statement",
]
