# codes.sh: sourced: which GPUs' code a program holds, read off it, for there need be no cuobjdump.
# codes PROGRAM: numbers of objects with each code; kinds of images' entries are 1 PTX, 2 machine code
codes() {
    local section
    section=$(mktemp)
    objcopy -O binary --only-section=.nv_fatbin "$1" "$section" && python3 - "$section" <<'PY'
import collections
import struct
import sys

data, count, at = open(sys.argv[1], "rb").read(), collections.Counter(), 0
while (at := data.find(struct.pack("<I", 0xBA55ED50), at)) >= 0:
    header, size = struct.unpack("<HQ", data[at + 6:at + 16])
    entry, at = at + header, at + header + size
    while entry < at:
        kind, _, header, size = struct.unpack("<HHIQ", data[entry:entry + 16])
        count["compute_" if kind == 1 else "sm_", struct.unpack("<I", data[entry + 28:entry + 32])[0]] += 1
        entry += header + size
print(" ".join(f"{kind}{arch}:{n}" for (kind, arch), n in sorted(count.items())))
PY
    rm -f "$section"
}
