"""Invented people with names as frequent as in Vietnam. Pure; every name is drawn from a seed.

Family names by Lê Trung Hoa, *Họ và tên người Việt Nam* (Social Sciences Publishing House, 2005),
per cent of the population; the rest is spread over rarer ones. No census of middle and given names
is published: their weights are ours, and more concentrated than life, which makes search harder.
"""

import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

FAMILY: Final = (
    ("Nguyễn", 38.4), ("Trần", 11.0), ("Lê", 9.5), ("Phạm", 7.1), ("Hoàng", 2.6), ("Huỳnh", 2.5),
    ("Phan", 4.5), ("Vũ", 2.0), ("Võ", 1.9), ("Đặng", 2.1), ("Bùi", 2.0), ("Đỗ", 1.4), ("Hồ", 1.3),
    ("Ngô", 1.3), ("Dương", 1.0), ("Lý", 0.5), ("Đinh", 1.0), ("Trương", 1.4), ("Đoàn", 0.8),
    ("Mai", 0.7), ("Lương", 0.6), ("Trịnh", 0.6), ("Cao", 0.5), ("Hà", 0.5), ("Lâm", 0.5),
    ("Tạ", 0.4), ("Châu", 0.4), ("Quách", 0.2), ("Thái", 0.3), ("Tô", 0.2), ("Kiều", 0.2),
    ("Lò", 0.3), ("Giàng", 0.2), ("Vàng", 0.2), ("Hầu", 0.1), ("Sùng", 0.1), ("Thào", 0.1),
    ("Quàng", 0.1), ("Nông", 0.2), ("Hứa", 0.1), ("Lục", 0.1), ("Khổng", 0.1), ("Mạc", 0.1),
    ("Ông", 0.02), ("Kha", 0.05), ("Nghiêm", 0.05), ("Phùng", 0.4), ("Tăng", 0.1), ("Âu", 0.02),
)  # fmt: skip
MIDDLE_MALE: Final = (
    ("Văn", 40.0), ("", 6.0), ("Đức", 7.0), ("Minh", 7.0), ("Quang", 5.0), ("Hữu", 5.0),
    ("Xuân", 4.0), ("Ngọc", 4.0), ("Công", 4.0), ("Quốc", 4.0), ("Thanh", 4.0), ("Đình", 3.0),
    ("Anh", 2.0), ("Tuấn", 2.0), ("Trọng", 1.5), ("Bá", 1.0), ("A", 0.5),
)  # fmt: skip
MIDDLE_FEMALE: Final = (
    ("Thị", 55.0), ("", 5.0), ("Ngọc", 8.0), ("Thanh", 6.0), ("Thu", 5.0), ("Kim", 4.0),
    ("Minh", 3.0), ("Thị Thu", 3.0), ("Thị Thanh", 3.0), ("Thị Ngọc", 3.0), ("Phương", 2.0),
    ("Bảo", 2.0), ("Diệu", 1.0),
)  # fmt: skip
GIVEN_MALE: Final = [
    "Hùng", "Tuấn", "Dũng", "Nam", "Minh", "Anh", "Hải", "Sơn", "Long", "Thành", "Đức", "Cường",
    "Huy", "Quân", "Thắng", "Hưng", "Tùng", "Phong", "Hiếu", "Trung", "Bình", "Tâm", "Khánh",
    "Việt", "Phúc", "Bảo", "Khang", "Duy", "Toàn", "Lâm", "Vinh", "Quang", "Tú", "Kiên", "Nghĩa",
    "Đạt", "Thịnh", "Hòa", "An", "Tài", "Lộc", "Phát", "Khoa", "Luân", "Nhân", "Trí", "Đông",
    "Giang", "Hậu", "Sáng", "Mạnh", "Chiến", "Thái", "Tiến", "Định", "Khôi", "Dương", "Thiện",
    "Lợi", "Sinh", "Xuân", "Hiệp", "Bắc", "Chung", "Danh", "Điền", "Huân", "Khải", "Kỳ", "Mỹ",
    "Nhật", "Pháo", "Súa", "Vừ",
]  # fmt: skip
GIVEN_FEMALE: Final = [
    "Hương", "Lan", "Hoa", "Mai", "Linh", "Trang", "Hà", "Thảo", "Hằng", "Nga", "Phương", "Thủy",
    "Huyền", "Anh", "Ngọc", "Hạnh", "Yến", "Nhung", "Dung", "Vân", "Thu", "Hồng", "Loan", "Liên",
    "Hiền", "Oanh", "Tuyết", "Xuân", "Bích", "Ngân", "Thanh", "Chi", "My", "Nhi", "Trâm", "Quỳnh",
    "Vy", "Trinh", "Diễm", "Kiều", "Thắm", "Lý", "Phượng", "Sen", "Cúc", "Đào", "Nguyệt", "Hòa",
    "Bình", "Tâm", "Châu", "Giang", "Hậu", "Duyên", "Như", "Uyên", "Thư", "Khánh", "Tiên", "Mỵ",
    "Dở", "Chá", "Pà", "Quyên", "Sương", "Thơm", "Thùy", "Trúc", "Tú", "Viên",
]  # fmt: skip
_ZIPF: Final = 0.8


@dataclass(frozen=True, slots=True)
class Drawn:
    """A name and the sex it was drawn for."""

    name: str
    sex: str


class _Bag:
    """Values drawn by weight."""

    def __init__(self, weighted: Sequence[tuple[str, float]]) -> None:
        self._values = [value for value, _ in weighted]
        self._sums = list(accumulate(weight for _, weight in weighted))

    def draw(self, dice: random.Random) -> str:
        """Return one."""
        return self._values[bisect(self._sums, dice.random() * self._sums[-1])]


def _by_rank(values: Sequence[str]) -> list[tuple[str, float]]:
    return [(value, 1 / rank**_ZIPF) for rank, value in enumerate(values, start=1)]


_FAMILY: Final = _Bag(FAMILY)
_MIDDLE: Final = {"male": _Bag(MIDDLE_MALE), "female": _Bag(MIDDLE_FEMALE)}
_GIVEN: Final = {"male": _Bag(_by_rank(GIVEN_MALE)), "female": _Bag(_by_rank(GIVEN_FEMALE))}
RARE_FAMILY: Final = frozenset(name for name, percent in FAMILY if percent <= 0.1)


def draw(dice: random.Random) -> Drawn:
    """Return an invented name."""
    sex = "male" if dice.random() < 0.5 else "female"
    parts = (_FAMILY.draw(dice), _MIDDLE[sex].draw(dice), _GIVEN[sex].draw(dice))
    return Drawn(" ".join(part for part in parts if part), sex)


def percent_of_family(name: str) -> float:
    """Return how many of a hundred bear a family name here."""
    total = sum(percent for _, percent in FAMILY)
    return 100 * dict(FAMILY)[name] / total
