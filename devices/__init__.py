"""The gateway: runs at home or in a ward, reads devices, keeps what they say, sends it on.

It meets the server only on the wire (docs/uplink.md) and knows devices and values, never a name.
"""
