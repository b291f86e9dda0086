"""The demo's cast: plainly invented people, what is usual for each, and what will happen to them.

The given names are Vietnamese words for sample, example, draft, rehearsal and the like.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from devices.simulator.episodes import (
    COLD_FINGERS,
    RESTLESS,
    STEADY,
    SUDDEN_DROP_AND_RECOVERY,
    Episode,
    Kind,
    Scenario,
)
from devices.simulator.physiology import Baseline, VirtualPatient
from devices.simulator.wearing import Wearing
from telehealth.access.policy import Role
from telehealth.cases import NewPerson
from telehealth.people.places_check import PlaceRow, Ref
from telehealth.programmes import NewProgramme

PROGRAMME: Final = NewProgramme(
    programme_id="pr-demo",
    name="Chăm sóc F0 tại nhà (giả định)",
    place="Xã Minh Họa, tỉnh Ví Dụ",
    cadence=timedelta(minutes=1),
)
DOCTOR: Final = ("bacsi", "BS. Lê Minh Họa")
STAFF: Final = (
    ("dieuduong", "ĐD. Mai Thị Giả Lập", Role.NURSE, "điều dưỡng (nurse)"),
    ("dieuphoi", "Phan Văn Sắp Đặt", Role.COORDINATOR, "điều phối (coordinator)"),
    ("baove", "Hồ Thị Riêng Tư", Role.PRIVACY_OFFICER, "bảo vệ dữ liệu (privacy officer)"),
)
"""Everybody else of the commune's station: log-in, name, role, and how the welcome calls them."""
_PROVINCE: Final = Ref("VD01")
PLACES: Final = (
    PlaceRow("VD", "Nước Ví Dụ", "country", "nước"),
    PlaceRow("VD01", "Tỉnh Ví Dụ", "province", "tỉnh", Ref("VD")),
    PlaceRow("VD0101", "Xã Minh Họa", "commune", "xã", _PROVINCE),
    PlaceRow("VD0102", "Xã Thí Dụ", "commune", "xã", _PROVINCE),
)
"""An invented country of one province and two communes."""
HOME: Final = "VD0101"

_QUIET: Final = {"night_spo2_percent": 0.4}
_USUAL: Final = Baseline(spo2_percent=98.1, pulse_per_min=74, **_QUIET)
_BRISK: Final = Baseline(spo2_percent=98.4, pulse_per_min=84, perfusion_index_percent=5.1, **_QUIET)
_CALM: Final = Baseline(spo2_percent=97.8, pulse_per_min=66, perfusion_index_percent=3.2, **_QUIET)
_OLD: Final = Baseline(spo2_percent=98.0, pulse_per_min=79, perfusion_index_percent=2.3, **_QUIET)
_FRAIL: Final = Baseline(spo2_percent=96.7, pulse_per_min=83, perfusion_index_percent=1.9, **_QUIET)
"""Under QĐ 261 (SpO2 at most 96) a yellow on the worklist now and then, as in life."""

SILENT: Final = Scenario(
    "silent_desaturation",
    (
        Episode(
            kind=Kind.DESATURATION,
            starts=timedelta(minutes=5),
            onset=timedelta(minutes=100),
            lasts=None,
            spo2_change_percent=-11,
            pulse_change_per_min=4,
            respiration_change_per_min=5,
        ),
    ),
)
"""In minutes of illness; at sixty times the clock it is red within a minute and a half."""
PROBE_OFF: Final = Scenario(
    "probe_falls_off", (Episode(kind=Kind.PROBE_OFF, starts=timedelta(minutes=8), lasts=None),)
)
SWITCHED_OFF: Final = Scenario(
    "goes_silent", (Episode(kind=Kind.POWER_OFF, starts=timedelta(minutes=12), lasts=None),)
)


@dataclass(frozen=True, slots=True)
class Part:
    """One invented person, the oximeter they wear, and what happens to them."""

    number: int
    person: NewPerson
    baseline: Baseline
    day_of_illness: int
    scenario: Scenario = STEADY

    @property
    def login(self) -> str:
        """The log-in of the person's phone."""
        return f"benhnhan{self.number:02d}"

    @property
    def device_id(self) -> str:
        """The id under which the gateway reports the oximeter."""
        return f"ox-f0f00000{self.number:04x}"

    def patient(self, scenario: Scenario) -> VirtualPatient:
        """Return the person's physiology in a scenario."""
        return VirtualPatient(seed=self.number, baseline=self.baseline, scenario=scenario)

    def wearing(self, at: timedelta) -> Wearing:
        """Return the oximeter on the person's finger; what happens to them begins `at`."""
        return Wearing(
            number=self.number,
            patient=self.patient(self.scenario.beginning(at)),
            battery_percent=96 - 5 * self.number,
        )


def _person(name: str, born: int, sex: str) -> NewPerson:
    return NewPerson(display_name=name, birth_date=date(born, 3, 15), sex=sex)


CAST: Final = (
    Part(1, _person("Nguyễn Thị Mẫu", 1952, "female"), _OLD, 8, SILENT),
    Part(2, _person("Trần Văn Thử", 1966, "male"), _USUAL, 5),
    Part(3, _person("Lò Thị Ví Dụ", 1989, "female"), _BRISK, 3, RESTLESS),
    Part(4, _person("Giàng A Giả Định", 1978, "male"), _USUAL, 6, PROBE_OFF),
    Part(5, _person("Hoàng Minh Họa", 1995, "male"), _CALM, 2),
    Part(6, _person("Vũ Thị Tưởng Tượng", 1948, "female"), _FRAIL, 9),
    Part(7, _person("Lý Thị Giả Sử", 1983, "female"), _USUAL, 7, SWITCHED_OFF),
    Part(8, _person("Phạm Tập Dượt", 1971, "male"), _CALM, 4),
    Part(9, _person("Bùi Thị Diễn Tập", 1960, "female"), _USUAL, 10, COLD_FINGERS),
    Part(10, _person("Đặng Văn Bản Nháp", 2001, "male"), _BRISK, 1),
    Part(11, _person("Quàng Thị Mô Phỏng", 1957, "female"), _USUAL, 11, SUDDEN_DROP_AND_RECOVERY),
    Part(12, _person("Đinh Thị Thí Điểm", 1992, "female"), _CALM, 3),
)
VIRTUAL: Final = CAST[2:]
"""They answer a call by themselves; the first two are for whoever tries the demo."""
LOGINS: Final = {
    DOCTOR[0]: f"bác sĩ (doctor) {DOCTOR[1]}",
    **{login: f"{called} {name}" for login, name, _role, called in STAFF},
    "quantri": "quản trị (administrator)",
    CAST[0].login: f"người bệnh (patient) {CAST[0].person.display_name}",
    CAST[1].login: f"người bệnh (patient) {CAST[1].person.display_name}",
}
