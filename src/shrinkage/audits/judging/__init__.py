"""What was measured, judged: did the penalty arrive, by which mechanism, with which factor?

Who uses this: every audit. A `Case` holds what was measured of one parameter; `judge` turns cases
into findings. Nothing here runs a step, and nothing here knows a framework.
"""

from __future__ import annotations

from shrinkage.audits.judging.judge import Judgement, judge
from shrinkage.audits.judging.verdicts import Case, Outcome, decide

__all__ = ["Case", "Judgement", "Outcome", "decide", "judge"]
