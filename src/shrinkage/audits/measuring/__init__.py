"""What a step did, in numbers: nothing is judged here.

Who uses this: every audit. Two runs of one parameter (`Pair`) are compared with what its terms
should do (`Expectation`), by each mechanism that could have brought them; the result is a
`Measured`. Changes are known up to their rounding, and so are factors (`Fit`).
"""

from __future__ import annotations

from shrinkage.audits.measuring.expected import ENOUGH, FEW, MECHANISMS, Expectation
from shrinkage.audits.measuring.fits import Fit
from shrinkage.audits.measuring.measure import measure
from shrinkage.audits.measuring.measured import Measured
from shrinkage.audits.measuring.pair import Pair

__all__ = ["ENOUGH", "FEW", "MECHANISMS", "Expectation", "Fit", "Measured", "Pair", "measure"]
