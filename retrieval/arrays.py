"""The arrays that searches exchange."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

NO_ROWS: Rows = np.zeros(0, dtype=np.int64)
