"""Lungs and blood: the saturation behind a shunt. Pure, on arrays.

Alveolar gas equation, shunt equation on oxygen contents and the dissociation curve of Severinghaus
(J Appl Physiol 1979;46:599).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AIR_FIO2: Final = 0.2093
WATER_VAPOUR_MMHG: Final = 47.0
SEA_LEVEL_MMHG: Final = 760.0
SCALE_HEIGHT_M: Final = 8000.0
"""Pressure falls by e over this height (barometric formula)."""
RESPIRATORY_QUOTIENT: Final = 0.8
HUEFNER_ML_PER_G: Final = 1.34
DISSOLVED_ML_PER_DL_MMHG: Final = 0.0031
SHIFT_PER_DEGREE: Final = 0.024
"""Fall of log10 of the effective PO2 with each degree of fever (Severinghaus 1979)."""
ALTITUDE_PACO2_PER_M: Final = 0.0023
"""Residents breathe more: mmHg of PaCO2 lower with each metre (assumption, about 2 per km)."""
FEVER_PACO2_PER_DEGREE: Final = 1.5
LUNG_PACO2_PER_SHUNT: Final = 35.0
"""Sick lungs drive breathing: PaCO2 falls by this times the added shunt."""
LUNG_PACO2_MOST: Final = 8.0


_PO2: Final[Array] = np.concatenate((np.arange(0.5, 160, 0.25), np.arange(160.0, 701.0, 5.0)))


def severinghaus(po2_mmhg: Array) -> Array:
    """Return the saturation (fraction) of blood at 37 degrees and pH 7.4."""
    return 1.0 / (23400.0 / (po2_mmhg**3 + 150.0 * po2_mmhg) + 1.0)


_SATURATED: Final[Array] = severinghaus(_PO2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What of a person decides the blood's oxygen, without the illness."""

    haemoglobin_g_per_dl: float = 13.5
    av_difference_ml_per_dl: float = 4.8
    altitude_m: float = 0.0
    paco2_mmhg: float = 39.0
    rest_shunt: float = 0.025

    def _capillary(self, ill: Array, fever: Array, fio2: Array, drive: float) -> Array:
        """Return the oxygen content behind the ventilated alveoli, ml/dl."""
        blown_off = drive * np.minimum(LUNG_PACO2_PER_SHUNT * ill, LUNG_PACO2_MOST)
        blown_off = blown_off + FEVER_PACO2_PER_DEGREE * fever
        paco2 = self.paco2_mmhg - ALTITUDE_PACO2_PER_M * self.altitude_m - blown_off
        pressure = SEA_LEVEL_MMHG * np.exp(-self.altitude_m / SCALE_HEIGHT_M)
        alveolar = fio2 * (pressure - WATER_VAPOUR_MMHG) - paco2 / RESPIRATORY_QUOTIENT
        return self._content(np.maximum(alveolar, 1.0) * 10.0 ** (-SHIFT_PER_DEGREE * fever))

    def _content(self, po2: Array) -> Array:
        bound = HUEFNER_ML_PER_G * self.haemoglobin_g_per_dl * severinghaus(po2)
        return bound + DISSOLVED_ML_PER_DL_MMHG * po2

    def arterial_percent(self, ill: Array, fever: Array, fio2: Array, drive: float = 1.0) -> Array:
        """Return the saturation with this much shunt on top of the own one."""
        shunt = np.minimum(self.rest_shunt + ill, 0.7)
        capillary = self._capillary(ill, fever, fio2, drive)
        arterial = capillary - self.av_difference_ml_per_dl * shunt / (1.0 - shunt)
        return 100.0 * np.interp(arterial, self._content(_PO2), _SATURATED)

    def resting_percent(self) -> float:
        """Return the own saturation in health."""
        none = np.zeros(1)
        return float(self.arterial_percent(none, none, none + AIR_FIO2)[0])

    def shunt_for(self, percent: float) -> float:
        """Return the whole shunt fraction that brings a person without fever to a saturation."""
        none = np.zeros(1)
        capillary = float(self._capillary(none, none, none + AIR_FIO2, 0.0)[0])
        po2 = np.interp([percent / 100.0], _SATURATED, _PO2)
        lost = capillary - float(self._content(po2)[0])
        return max(0.0, lost / (self.av_difference_ml_per_dl + lost))
