"""Every threshold of every pack, written down from the sources by hand and not from the code.

One line: pack, ages in months (from, up to and not with; "" is no end), vital, the value next to
the limit that stays silent, the first value that fires, and the code it fires. A line with "-" for
both values says that the source sets no limit for these ages.
"""

from typing import Final

BY_HAND: Final = """
moh-vn-4038@2021-08-21  0   2    respiration  59   60    respiration_pack
moh-vn-4038@2021-08-21  2   12   respiration  49   50    respiration_pack
moh-vn-4038@2021-08-21  12  60   respiration  39   40    respiration_pack
moh-vn-4038@2021-08-21  60  144  respiration  29   30    respiration_pack
moh-vn-4038@2021-08-21  144 ""   respiration  20   21    respiration_pack
moh-vn-4038@2021-08-21  0   ""   spo2         96   95    spo2_pack
moh-vn-4038@2021-08-21  0   144  pulse        -    -     pulse_high
moh-vn-4038@2021-08-21  144 ""   pulse        120  121   pulse_high
moh-vn-4038@2021-08-21  0   ""   pulse        50   49    pulse_low
moh-vn-4038@2021-08-21  0   ""   systolic     90   89    systolic_low
moh-vn-4038@2021-08-21  0   ""   diastolic    60   59    diastolic_low
moh-vn-5155@2021-11-08  0   2    respiration  59   60    respiration_pack
moh-vn-5155@2021-11-08  2   12   respiration  49   50    respiration_pack
moh-vn-5155@2021-11-08  12  60   respiration  39   40    respiration_pack
moh-vn-5155@2021-11-08  60  144  respiration  29   30    respiration_pack
moh-vn-5155@2021-11-08  144 192  respiration  19   20    respiration_pack
moh-vn-5155@2021-11-08  192 ""   respiration  -    -     respiration_pack
moh-vn-5155@2021-11-08  0   192  spo2         96   95    spo2_pack
moh-vn-5155@2021-11-08  0   192  spo2         95   94    spo2_emergency
moh-vn-5155@2021-11-08  192 ""   spo2         -    -     spo2_pack
moh-vn-5155@2021-11-08  192 ""   spo2         -    -     spo2_emergency
moh-vn-261@2022-01-31   0   2    respiration  59   60    respiration_pack
moh-vn-261@2022-01-31   2   12   respiration  49   50    respiration_pack
moh-vn-261@2022-01-31   12  60   respiration  39   40    respiration_pack
moh-vn-261@2022-01-31   60  144  respiration  29   30    respiration_pack
moh-vn-261@2022-01-31   144 216  respiration  19   20    respiration_pack
moh-vn-261@2022-01-31   216 ""   respiration  19   20    respiration_pack
moh-vn-261@2022-01-31   0   ""   spo2         97   96    spo2_pack
moh-vn-261@2022-01-31   0   144  pulse        -    -     pulse_high
moh-vn-261@2022-01-31   144 ""   pulse        120  121   pulse_high
moh-vn-261@2022-01-31   0   ""   pulse        50   49    pulse_low
moh-vn-261@2022-01-31   0   ""   systolic     90   89    systolic_low
moh-vn-261@2022-01-31   0   ""   diastolic    60   59    diastolic_low
moh-vn-528@2022-03-03   0   2    respiration  59   60    respiration_pack
moh-vn-528@2022-03-03   2   12   respiration  49   50    respiration_pack
moh-vn-528@2022-03-03   12  60   respiration  39   40    respiration_pack
moh-vn-528@2022-03-03   60  144  respiration  29   30    respiration_pack
moh-vn-528@2022-03-03   144 192  respiration  19   20    respiration_pack
moh-vn-528@2022-03-03   192 ""   respiration  -    -     respiration_pack
moh-vn-528@2022-03-03   0   192  spo2         96   95    spo2_pack
moh-vn-528@2022-03-03   192 ""   spo2         -    -     spo2_pack
moh-vn-528@2022-03-03   0   192  temperature  39.0 39.1  temperature_high
moh-vn-528@2022-03-03   192 ""   temperature  -    -     temperature_high
moh-vn-604@2022-03-14   0   2    respiration  59   60    respiration_pack
moh-vn-604@2022-03-14   2   12   respiration  49   50    respiration_pack
moh-vn-604@2022-03-14   12  60   respiration  39   40    respiration_pack
moh-vn-604@2022-03-14   60  144  respiration  29   30    respiration_pack
moh-vn-604@2022-03-14   144 192  respiration  19   20    respiration_pack
moh-vn-604@2022-03-14   192 ""   respiration  19   20    respiration_pack
moh-vn-604@2022-03-14   0   60   spo2         96   95    spo2_pack
moh-vn-604@2022-03-14   60  192  spo2         96   95    spo2_pack
moh-vn-604@2022-03-14   192 ""   spo2         97   96    spo2_pack
moh-vn-604@2022-03-14   0   144  pulse        -    -     pulse_high
moh-vn-604@2022-03-14   144 ""   pulse        120  121   pulse_high
moh-vn-604@2022-03-14   0   ""   pulse        50   49    pulse_low
moh-vn-604@2022-03-14   0   ""   systolic     90   89    systolic_low
moh-vn-604@2022-03-14   0   ""   diastolic    60   59    diastolic_low
nhs-coah@2021-01-01     0   ""   spo2         95   94    spo2_pack
nhs-coah@2021-01-01     0   ""   spo2         93   92    spo2_emergency
who-home@2021-01-01     0   ""   spo2         95   94    spo2_pack
who-home@2021-01-01     0   ""   spo2         90   89    spo2_emergency
"""
