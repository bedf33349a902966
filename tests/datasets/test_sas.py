"""Transport files of SAS: every row is read, and dates are dates."""

from __future__ import annotations

import struct

import numpy as np
import pandas as pd

from shrinkage.datasets import load_dataset

MARK = "HEADER RECORD*******{:8}HEADER RECORD!!!!!!!{:30}  "


def ibm(value: float) -> bytes:
    """Return a number as IBM's machines keep it: sign, sixteens, fraction; missing is a point."""
    if np.isnan(value):
        return b".".ljust(8, b"\0")
    exponent = 64
    fraction = abs(value)
    while fraction >= 1:
        fraction, exponent = fraction / 16, exponent + 1
    return struct.pack(">Q", ((value < 0) << 63 | exponent << 56) + int(fraction * 2**56))


def transport(frame: pd.DataFrame, formats: dict[str, str]) -> bytes:
    """Return a frame of numbers and words as a transport file of one data set."""
    now = "01JAN20:00:00:00"
    texts = [name for name in frame if frame[name].dtype.kind not in "if"]
    fields = b"".join(
        struct.pack(">hhhh", 1 + (name in texts), 0, 8, i + 1)
        + f"{name:8}{'':40}{formats.get(name, ''):8}".encode()
        + struct.pack(">hhh2s8shhi52s", 0, 0, 0, b"", b" " * 8, 0, 0, 8 * i, b"")
        for i, name in enumerate(frame)
    )
    rows = b"".join(
        row[name].encode().ljust(8) if name in texts else ibm(row[name])
        for row in frame.to_dict("records")
        for name in frame
    )
    head = MARK.format("LIBRARY", "0" * 30) + f"{'SAS     SAS     SASLIB':64}{now}{now:80}"
    member = MARK.format("MEMBER", f"{'0' * 17}16{'0' * 8}140")
    member += MARK.format("DSCRPTR", "0" * 30) + f"{'SAS     T       SASDATA':64}{now}{now:80}"
    member += MARK.format("NAMESTR", f"000000{len(frame.columns):04d}{'0' * 20}")
    filled = fields.ljust(-(-len(fields) // 80) * 80)
    data = rows.ljust(-(-len(rows) // 80) * 80)
    return (head + member).encode() + filled + MARK.format("OBS", "0" * 30).encode() + data


def test_no_row_is_lost_and_dates_are_dates(tmp_path, refused):
    frame = pd.DataFrame(
        {
            "SEEN": np.arange(10.0) + 21900,
            "RACE": ["W", "B"] * 4 + ["W", ""],
            "Y": np.arange(10.0) / 8 + 1,
        }
    )
    written = transport(frame, {"SEEN": "DATE"})
    (tmp_path / "rows").write_bytes(written)  # known by its first bytes
    data = load_dataset(tmp_path / "rows", target="Y")
    assert data.y.tolist() == frame["Y"].tolist()
    assert pd.DataFrame(data.X)["SEEN"].iloc[0] == pd.Timestamp("2019-12-17")
    (tmp_path / "two.xpt").write_bytes(written + written[240:])
    with refused("several data sets"):
        load_dataset(tmp_path / "two.xpt", target="Y")
