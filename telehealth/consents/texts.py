"""The words of every version of every item (docs/consent.md). Only ever added to.

Written for somebody who left school early: short sentences, no word of the trade, and for each item
what happens when the answer is no. A test holds the SHA-256 of each published text.
"""

from datetime import date
from typing import Final

from telehealth.consents.items import Item, ItemText, Words

_FIRST: Final = date(2026, 1, 1)

MONITORING: Final = ItemText(
    item=Item.MONITORING,
    version="2026-1",
    effective=_FIRST,
    vi=Words(
        title="Theo dõi sức khoẻ tại nhà bằng máy đo",
        what="Máy kẹp ở ngón tay đo nồng độ oxy trong máu và mạch của bạn, rồi gửi về trạm. Bạn"
        " hoặc y tá có thể ghi thêm thân nhiệt, huyết áp, nhịp thở. Máy tính so số đo với quy tắc"
        " của Bộ Y tế và báo cho bác sĩ khi có số đáng lo.",
        who="Chỉ bác sĩ, y tá và cán bộ trạm y tế phụ trách bạn được xem. Mỗi lần xem đều được ghi"
        " lại, và bạn xem được ai đã xem.",
        kept="Số đo là một phần hồ sơ bệnh án, được giữ ít nhất 10 năm theo luật.",
        refusing="Nếu không đồng ý, bạn không được mượn máy đo và không ai thấy số đo của bạn. Bạn"
        " vẫn được khám, chữa bệnh như mọi người. Khi khó thở, hãy gọi 115.",
    ),
    en=Words(
        title="Watching over your health at home with a device",
        what="A clip on your finger measures the oxygen in your blood and your pulse and sends"
        " them to the station. You or a nurse may add temperature, blood pressure and breathing."
        " A computer compares them with the rules of the Ministry of Health and tells the doctor"
        " when a value is worrying.",
        who="Only the doctors, nurses and station staff who look after you can see them. Every"
        " look is written down, and you can see who looked.",
        kept="The values are part of your medical record, which the law keeps for at least"
        " 10 years.",
        refusing="If you say no, you are lent no device and nobody sees values of yours. You are"
        " treated like everybody else. If you are short of breath, call 115.",
    ),
)

VIDEO_CALL: Final = ItemText(
    item=Item.VIDEO_CALL,
    version="2026-1",
    effective=_FIRST,
    vi=Words(
        title="Gọi video với bác sĩ",
        what="Bác sĩ gọi video để hỏi bệnh và nhìn bạn, như khám tại trạm. Hình và tiếng đi thẳng"
        " giữa hai bên và không được ghi lại.",
        who="Chỉ bạn, bác sĩ và người bạn đồng ý cho vào cuộc gọi. Bác sĩ ghi lời khám vào hồ sơ.",
        kept="Lời khám của bác sĩ được giữ cùng hồ sơ bệnh án. Hình và tiếng không được giữ.",
        refusing="Nếu không đồng ý, bác sĩ sẽ gọi điện thoại thường hoặc y tá đến nhà.",
    ),
    en=Words(
        title="Video calls with the doctor",
        what="The doctor calls by video to ask and to look at you, as at the station. Picture and"
        " sound go straight between the two of you and are not recorded.",
        who="Only you, the doctor and whoever you agree to let into the call. The doctor writes a"
        " note into your record.",
        kept="The doctor's note is kept with your medical record. Picture and sound are not kept.",
        refusing="If you say no, the doctor telephones or a nurse comes to your home.",
    ),
)

RECORDING: Final = ItemText(
    item=Item.RECORDING,
    version="2026-1",
    effective=_FIRST,
    vi=Words(
        title="Ghi hình cuộc gọi",
        what="Khi cần hội chẩn, bác sĩ có thể ghi hình cuộc gọi. Trước mỗi lần ghi, bác sĩ hỏi lại"
        " bạn, và màn hình luôn hiện chữ đang ghi.",
        who="Chỉ bác sĩ phụ trách và hội đồng hội chẩn được xem bản ghi.",
        kept="Bản ghi được giữ cùng hồ sơ bệnh án. Rút lại đồng ý thì không ghi thêm nữa.",
        refusing="Nếu không đồng ý, cuộc gọi vẫn diễn ra, chỉ là không được ghi.",
    ),
    en=Words(
        title="Recording a call",
        what="When other doctors must be asked, the doctor may record a call. You are asked again"
        " before each recording, and the screen always says that it is recording.",
        who="Only your doctor and the council that is asked can watch the recording.",
        kept="A recording is kept with your medical record. Once you withdraw, nothing more is"
        " recorded.",
        refusing="If you say no, the call takes place all the same and is not recorded.",
    ),
)

POSITION: Final = ItemText(
    item=Item.POSITION,
    version="2026-1",
    effective=_FIRST,
    vi=Words(
        title="Vị trí của vòng đeo tay hoặc điện thoại",
        what="Nếu bạn đeo vòng của trạm, vòng cho biết bạn đang ở đâu để tìm bạn khi khẩn cấp. Vị"
        " trí chỉ được ghi từ ngày đến ngày đã báo cho bạn, rồi tự dừng.",
        who="Chỉ cán bộ được giao theo dõi khu vực của bạn được xem.",
        kept="Vị trí chi tiết bị xoá sau 72 giờ, trừ khi có việc cần xác minh.",
        refusing="Nếu không đồng ý, không ai ghi vị trí của bạn, trừ khi có quyết định cách ly"
        " bằng văn bản. Việc chữa bệnh không thay đổi.",
    ),
    en=Words(
        title="Where your wristband or telephone is",
        what="If you wear a wristband of the station, it tells where you are so that you can be"
        " found in an emergency. It is recorded only between the dates you were told, and then"
        " stops by itself.",
        who="Only the staff who are to look after your area can see it.",
        kept="Exact positions are erased after 72 hours, unless something must be cleared up.",
        refusing="If you say no, nobody records where you are, unless there is a written order of"
        " isolation. Your treatment does not change.",
    ),
)

SHARE_HOSPITAL: Final = ItemText(
    item=Item.SHARE_HOSPITAL,
    version="2026-1",
    effective=_FIRST,
    vi=Words(
        title="Gửi hồ sơ cho bệnh viện khi chuyển tuyến",
        what="Khi bạn phải đi viện, trạm gửi trước số đo và lời khám để bệnh viện chuẩn bị.",
        who="Chỉ bệnh viện nhận bạn. Trạm ghi lại đã gửi gì, cho ai, lúc nào.",
        kept="Bệnh viện giữ theo quy định về hồ sơ bệnh án.",
        refusing="Nếu không đồng ý, bạn tự mang giấy tờ đi. Khi nguy đến tính mạng, luật cho phép"
        " gửi thông tin cần để cứu bạn.",
    ),
    en=Words(
        title="Sending your record to the hospital that takes you in",
        what="If you must go to hospital, the station sends values and notes ahead so that the"
        " hospital is ready.",
        who="Only the hospital that takes you in. The station writes down what it sent, to whom"
        " and when.",
        kept="The hospital keeps it as it keeps medical records.",
        refusing="If you say no, you carry your papers yourself. When your life is in danger, the"
        " law allows what is needed to save you to be sent.",
    ),
)

SHARE_AUTHORITY: Final = ItemText(
    item=Item.SHARE_AUTHORITY,
    version="2026-1",
    effective=_FIRST,
    asked=False,
    vi=Words(
        title="Báo ca bệnh cho cơ quan y tế",
        what="Luật buộc trạm y tế khai báo ca bệnh truyền nhiễm: tên, tuổi, địa chỉ, ngày phát"
        " hiện, kết quả xét nghiệm. Đây là nghĩa vụ theo luật, không phải việc xin bạn đồng ý.",
        who="Cơ quan kiểm soát bệnh tật và sở y tế, theo văn bản. Mỗi lần gửi đều ghi rõ căn cứ.",
        kept="Theo quy định của cơ quan nhận.",
        refusing="Bạn không cần đánh dấu và cũng không từ chối được phần này. Bạn có quyền biết đã"
        " gửi gì, cho ai, theo căn cứ nào.",
    ),
    en=Words(
        title="Reporting the case to the health authority",
        what="The law obliges the station to report a case of infectious disease: name, age,"
        " address, day it was found, test result. This is a duty by law; you are not asked to"
        " consent.",
        who="The centre for disease control and the department of health, on paper that names the"
        " law. Every report states what it rests on.",
        kept="As the receiving office is bound to.",
        refusing="There is nothing to tick and this cannot be refused. You have the right to know"
        " what was sent, to whom and on what basis.",
    ),
)

RESEARCH_STATISTICS: Final = ItemText(
    item=Item.RESEARCH_STATISTICS,
    version="2026-1",
    effective=_FIRST,
    vi=Words(
        title="Dùng số đo cho nghiên cứu",
        what="Số đo của bạn, bỏ tên và địa chỉ, có thể giúp nghiên cứu cách chữa bệnh tốt hơn.",
        who="Nhóm nghiên cứu đã được hội đồng đạo đức duyệt. Họ không biết bạn là ai.",
        kept="Đến khi nghiên cứu xong. Bạn rút lại lúc nào cũng được.",
        refusing="Nếu không đồng ý, không có gì thay đổi với bạn cả.",
    ),
    en=Words(
        title="Using your values for research",
        what="Your values, without name and address, may help to find better treatment.",
        who="Research groups approved by an ethics board. They do not learn who you are.",
        kept="Until the research is done. You may withdraw at any time.",
        refusing="If you say no, nothing changes for you at all.",
    ),
)

TEXTS: Final = (
    MONITORING, VIDEO_CALL, RECORDING, POSITION, SHARE_HOSPITAL, SHARE_AUTHORITY,
    RESEARCH_STATISTICS,
)  # fmt: skip
