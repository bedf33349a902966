"""scikit-learn's door: classifiers and regressors over the same engines as `fit_path`.

Who uses this: people whose work is a scikit-learn pipeline, a grid search or a cross validation.
It promises what scikit-learn's `check_estimator` asks for, without exceptions, and the models that
`fit_path` makes: `ShrinkageClassifierCV` is one call of it, and `ShrinkageClassifier` at the
strength that was chosen is the same model, where epochs and batch size are the same.
"""

from __future__ import annotations

from shrinkage.extras import needs

with needs("paths"):
    from shrinkage.estimators.classifier import ShrinkageClassifier
    from shrinkage.estimators.classifier_cv import ShrinkageClassifierCV
    from shrinkage.estimators.regressor import ShrinkageRegressor
    from shrinkage.estimators.regressor_cv import ShrinkageRegressorCV

__all__ = [
    "ShrinkageClassifier",
    "ShrinkageClassifierCV",
    "ShrinkageRegressor",
    "ShrinkageRegressorCV",
]
