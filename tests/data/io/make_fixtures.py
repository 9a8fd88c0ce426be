"""Makes the small files beside this script: checkpoints, pickles and archives, good and hostile.

Needs torch, numpy 1.26 and safetensors; NUMPY2=<a Python with numpy 2> for the numpy2.* files, which are left as they
are without it.  Run by hand when a case is added: `python make_fixtures.py`; the tests read the files only.
"""
import collections
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def at(name):
    return os.path.join(HERE, name)


def arrays():
    """The same values in numpy 1 and 2: read by pickle_test.c."""
    return {
        "c": np.arange(12, dtype=np.float32).reshape(2, 3, 2) / 4,
        "fortran": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
        "big": np.array([1, -2, 300], dtype=">i4"),
        "bool": np.array([True, False, True]),
        "empty": np.zeros((0, 5, 3), dtype=np.float32),
        "scalar_array": np.array(2.5),
        "f8": np.float64(-1.25),
        "f4": np.float32(0.5),
        "i8": np.int64(-(1 << 40)),
        "u1": np.uint8(200),
        "b1": np.bool_(True),
        "big_scalar": np.array([7], dtype=">i2")[0],
        "words": np.array(["ab", "c"]),
        "objects": np.array([None, 1], dtype=object),
        "high": np.array([0, 127, 128, 255, 194, 195], dtype=np.uint8),
    }


def templates():
    rng = np.arange(4 * 2 * 3, dtype=np.float32).reshape(4, 2, 3) - 5
    rng[1, 1] = 0
    return {"T1": {"seq": "GGCA", "xyz": rng}, "T_2": {"seq": "U", "xyz": np.full((1, 2, 3), 200.5, np.float32)}}


def archive(name, members, folder="x", **options):
    with zipfile.ZipFile(at(name), "w", **options) as z:
        for member, data in members.items():
            z.writestr(zipfile.ZipInfo(f"{folder}/{member}"), data, options.get("compression"))


def plain_archive(name, value, **more):
    """torch.save's layout around a pickle without tensors."""
    archive(name, {"data.pkl": pickle.dumps(value, protocol=2), "version": b"3\n", "byteorder": b"little", **more})


def numpy2():
    for protocol in range(6):
        with open(at(f"numpy2.p{protocol}"), "wb") as f:
            pickle.dump(arrays(), f, protocol=protocol)
    plain_archive("templates_numpy2.pt", templates())


class Storage:
    def __init__(self, kind, key, numel):
        self.id = ("storage", kind, key, "cpu", numel)


class Call:
    """Pickles as a call of `function` with `args`."""
    def __init__(self, function, *args):
        self.what = (function, args)

    def __reduce__(self):
        return self.what


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.id if isinstance(obj, Storage) else None


def dumps(value):
    out = io.BytesIO()
    Pickler(out, protocol=2).dump(value)
    return out.getvalue()


def hand_made(torch):
    """Archives that torch.save would not write."""
    rebuild = torch._utils._rebuild_tensor_v2
    data = np.arange(6, dtype=np.float32).tobytes()

    def one(size, stride, offset=0, numel=6, key="0"):
        storage = Storage(torch.FloatStorage, key, numel)
        return {"w": Call(rebuild, storage, offset, size, stride, False, collections.OrderedDict())}

    def save(name, value, **more):
        archive(name, {"data.pkl": dumps(value), "version": b"3\n", "data/0": data, **more})

    save("beyond_shape.pt", one((2, 4), (4, 1)))
    save("beyond_stride.pt", one((2, 2), (5, 1)))
    save("beyond_offset.pt", one((6,), (1,), 1))
    save("beyond_storage.pt", one((7,), (1,), 0, 7))
    save("overflow.pt", one((1 << 62, 8), (8, 1)))
    save("overflow_stride.pt", one((3, 3), (1 << 62, 1)))
    save("expanded_bomb.pt", one((1 << 20, 1 << 20), (0, 0)))
    save("no_storage.pt", one((6,), (1,), key="7"))
    save("seven_dimensions.pt", one((1,) * 7, (1,) * 7))
    save("big_endian.pt", one((6,), (1,)), byteorder=b"big")
    save("unaligned.pt", one((6,), (1,)))
    archive("deflated.pt", {"data.pkl": dumps(one((6,), (1,))), "data/0": data}, compression=zipfile.ZIP_DEFLATED)
    raw = open(at("unaligned.pt"), "rb").read()
    spot = raw.index(b"torch._utils")
    open(at("bad_crc.pt"), "wb").write(raw[:spot] + b"T" + raw[spot + 1:])
    open(at("other.zip"), "wb").close()
    archive("other.zip", {"readme.txt": b"hello"})
    save("twice.pt", one((6,), (1,)))
    with zipfile.ZipFile(at("twice.pt"), "a") as z:
        import warnings
        warnings.simplefilter("ignore")
        z.writestr("x/data/0", data)

    save("system.pt", {"model": Call(os.system, "echo this must never be printed")})
    save("eval.pt", {"model": {"w": Call(eval, "1+1")}})
    save("method.pt", {"model": Call(getattr, "x", "upper")})
    # zip64 records although nothing is large
    with zipfile.ZipFile(at("zip64.pt"), "w") as z:
        for member, content in {"data.pkl": dumps(one((6,), (1,))), "data/0": data}.items():
            with z.open(zipfile.ZipInfo("x/" + member), "w", force_zip64=True) as f:
                f.write(content)
    zip64_directory("zip64_directory.pt", {"x/data.pkl": dumps(one((6,), (1,))), "x/data/0": data})


def zip64_directory(name, members):
    """Every 32-bit field of the directory says 'see the zip64 record'."""
    import zlib
    out, central = b"", b""
    for member, data in members.items():
        crc, n, path = zlib.crc32(data), len(data), member.encode()
        central += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, 0, 0, 0, 0, crc, 0xFFFFFFFF, 0xFFFFFFFF,
                               len(path), 28, 0, 0, 0, 0, 0xFFFFFFFF) + path + struct.pack("<HHQQQ", 1, 24, n, n, len(out))
        out += struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 0, crc, n, n, len(path), 0) + path + data
    start, record = len(out), len(out) + len(central)
    out += central + struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, len(members), len(members), len(central), start)
    out += struct.pack("<IIQI", 0x07064B50, 0, record, 1)
    out += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    open(at(name), "wb").write(out)


def numpy1_and_torch():
    import torch
    for protocol in range(6):
        with open(at(f"numpy1.p{protocol}"), "wb") as f:
            pickle.dump(arrays(), f, protocol=protocol)
        with open(at(f"plain.p{protocol}"), "wb") as f:
            shared = [1, 2.5, "\u00e9\u20ac\n'\"\\"]
            pickle.dump({
                "none": None, "true": True, "false": False, "small": 3, "byte": 255, "short": 65535, "int": -70000,
                "long": -(1 << 40), "huge": 1 << 70, "float": -0.1, "inf": float("-inf"), "text": "a\u00df\U0001F600",
                "bytes": b"\x00\xff\x80" if protocol > 2 else "as text", "list": shared, "again": shared,
                "tuple": (1, (), (2,), (3, 4), (5, 6, 7), (8, 9, 10, 11)), "set": {5},
                "ordered": collections.OrderedDict([("z", 1), ("a", 2)]), "counter": collections.Counter("aab"),
                "default": collections.defaultdict(list, {"k": [1]}), "many": list(range(2500)), 7: "seven",
            }, f, protocol=protocol)

    w = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tagged = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    tagged.note = "an attribute of its own"
    torch.save({
        "t": w.t(), "slice": w[1:3, 2:5], "column": w[:, 3], "offset": w[2], "expand": torch.tensor([7.0]).expand(3, 2),
        "zero": torch.zeros(0, 4), "scalar": torch.tensor(3.5), "parameter": torch.nn.Parameter(w[:1]), "tagged": tagged,
        "ones": w[2:3].reshape(1, 6, 1), "w": w,
    }, at("strided.pt"))
    torch.save({"model": collections.OrderedDict((f"module.{str(d)[6:]}", torch.tensor([1, 0, 1]).to(d)) for d in (
        torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint8, torch.bool)), "optimizer": {"state": {0: {"step": torch.tensor(7.0)}}}, "scheduler": None, "step": 7},
        at("dtypes.pt"))
    torch.save({"state_dict": {"a": torch.ones(2)}, "global_step": 12, "epoch": 1}, at("lightning.pt"))
    torch.save({"w": torch.tensor([1, 2], dtype=torch.uint16)}, at("uint16.pt"))
    torch.save({"w": torch.tensor([1 + 2j])}, at("complex.pt"))
    torch.save({"w": torch.ones(2), "size": torch.Size([2, 3]), "device": torch.device("cpu"), "dtype": torch.bfloat16,
                "storage": torch.ones(3).untyped_storage()}, at("inert.pt"))
    torch.save({"w": torch.ones(2)}, at("legacy.pt"), _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(2, 2), at("whole_module.pt"))
    torch.save([1, 2], at("a_list.pt"))
    torch.jit.script(torch.nn.Linear(2, 2)).save(at("script.pt"))
    torch.serialization.set_crc32_options(False)
    torch.save({"w": torch.ones(2)}, at("no_crc.pt"))
    torch.serialization.set_crc32_options(True)
    whole = open(at("strided.pt"), "rb").read()
    open(at("truncated.pt"), "wb").write(whole[:len(whole) * 2 // 3])
    plain_archive("templates_numpy1.pt", templates())
    torch.save({k: {"seq": v["seq"], "xyz": torch.tensor(v["xyz"])} for k, v in templates().items()}, at("templates_torch.pt"))
    torch.save({"T": {"seq": "GG", "xyz": np.zeros((3, 2, 3), np.float32)}}, at("templates_wrong.pt"))
    hand_made(torch)

    from safetensors.torch import save_file
    save_file({"odd": torch.tensor([True, False, True]), "f32": w, "bf16": w[0].bfloat16(), "f16": w[1].half(),
               "i64": torch.tensor(-5), "empty": torch.zeros(0, 3)}, at("mixed.safetensors"), {"format": "pt", "who": "me"})
    header = b'{"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"F32","shape":[2],"data_offsets":[3,11]}}'
    open(at("unaligned.safetensors"), "wb").write(struct.pack("<Q", len(header)) + header + b"\1\0\1" + struct.pack("<2f", 1.5, -2))


if __name__ == "__main__":
    if sys.argv[1:] == ["numpy2"]:
        numpy2()
    else:
        numpy1_and_torch()
        if os.environ.get("NUMPY2"):
            subprocess.run([os.environ["NUMPY2"], os.path.abspath(__file__), "numpy2"], check=True)
