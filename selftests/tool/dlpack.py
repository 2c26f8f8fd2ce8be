# SPDX-License-Identifier: GPL-2.0-only
"""Hand tensors of libtmem to numpy and PyTorch by DLPack, and back.

usage: dlpack.py LIBTMEM numpy|torch

Prints a line "ok TEXT" or "not ok TEXT: WHAT" for each check.  Exit status 77:
the module is not there.  dlpack.sh runs it and makes TAP of it.
"""
import ctypes
import gc
import importlib
import itertools
import sys
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int,
                    c_int32, c_int64, c_size_t, c_uint, c_uint8, c_uint16,
                    c_uint32, c_uint64, c_void_p, cast, py_object, pythonapi)

ZERO, COPY, READONLY = 1, 2, 4
I32 = 7
DTYPES = {  # enum tmem_dtype, by numpy's names
    "float32": 1, "float64": 2, "float16": 3, "int8": 5, "int16": 6,
    "int32": 7, "int64": 8, "uint8": 9, "uint16": 10, "uint32": 11,
    "uint64": 12, "bool": 13, "complex64": 14, "complex128": 15,
}


class DLTensor(Structure):
    _fields_ = [("data", c_void_p), ("device_type", c_int32),
                ("device_id", c_int32), ("ndim", c_int32), ("code", c_uint8),
                ("bits", c_uint8), ("lanes", c_uint16),
                ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)),
                ("byte_offset", c_uint64)]


class Managed(Structure):
    pass


Managed._fields_ = [("tensor", DLTensor), ("ctx", c_void_p),
                    ("deleter", CFUNCTYPE(None, POINTER(Managed)))]


class Versioned(Structure):
    pass


Versioned._fields_ = [("major", c_uint32), ("minor", c_uint32),
                      ("ctx", c_void_p),
                      ("deleter", CFUNCTYPE(None, POINTER(Versioned))),
                      ("flags", c_uint64), ("tensor", DLTensor)]


class Stats(Structure):
    _fields_ = [("struct_size", c_size_t)] + [
        (name, c_uint64) for name in
        ("tensors", "storages", "made", "views", "copies", "copied_bytes",
         "exports", "imports")]


def load(path):
    lib = ctypes.CDLL(path, use_errno=True)
    pointers = "new_dtype slice reshape permute broadcast copy lazy_copy data " \
        "write to_dlpack to_dlpack_versioned from_dlpack " \
        "from_dlpack_versioned shape strides"
    for name in pointers.split():
        getattr(lib, "tmem_tensor_" + name).restype = c_void_p
    lib.tmem_tensor_elements.restype = c_uint64
    lib.tmem_tensor_is_readonly.restype = ctypes.c_bool
    lib.tmem_tensor_slice.argtypes = [c_void_p, c_uint, c_int64, c_int64,
                                      c_int64]
    return lib


DESTRUCTOR = CFUNCTYPE(None, c_void_p)
pythonapi.PyCapsule_New.restype = py_object
pythonapi.PyCapsule_New.argtypes = [c_void_p, c_char_p, DESTRUCTOR]
pythonapi.PyCapsule_GetPointer.restype = c_void_p
pythonapi.PyCapsule_GetPointer.argtypes = [py_object, c_char_p]
pythonapi.PyCapsule_SetName.argtypes = [py_object, c_char_p]
pythonapi.PyCapsule_IsValid.argtypes = [c_void_p, c_char_p]
get_pointer_raw = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(
    ("PyCapsule_GetPointer", pythonapi))


@DESTRUCTOR
def capsule_end(capsule):
    """Of one that nobody has consumed."""
    for name, kind in ((b"dltensor", Managed),
                       (b"dltensor_versioned", Versioned)):
        if pythonapi.PyCapsule_IsValid(capsule, name):
            managed = cast(get_pointer_raw(capsule, name), POINTER(kind))
            managed.contents.deleter(managed)


class Tensor:
    """What numpy and PyTorch ask to have: __dlpack__ and its device."""

    def __init__(self, at):
        if not at:
            raise OSError(ctypes.get_errno(), "no tensor")
        self.at = c_void_p(at)

    def __del__(self):
        lib.tmem_tensor_unref(self.at)

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, stream=None, max_version=None, **_):
        if max_version and max_version[0] >= 1:
            at = lib.tmem_tensor_to_dlpack_versioned(self.at, 0)
            name = b"dltensor_versioned"
        else:
            at = lib.tmem_tensor_to_dlpack(self.at)
            name = b"dltensor"
        if not at:
            raise BufferError(ctypes.get_errno())
        return pythonapi.PyCapsule_New(at, name, capsule_end)

    @property
    def address(self):
        return lib.tmem_tensor_data(self.at)

    def slice(self, dim, start, count, step):
        return Tensor(lib.tmem_tensor_slice(self.at, dim, start, count, step))

    def permute(self, *order):
        return Tensor(lib.tmem_tensor_permute(
            self.at, (c_uint * len(order))(*order)))

    def reshape(self, *shape):
        return Tensor(lib.tmem_tensor_reshape(
            self.at, len(shape), (c_int64 * len(shape))(*shape), 0))

    def broadcast(self, *shape):
        return Tensor(lib.tmem_tensor_broadcast(
            self.at, len(shape), (c_int64 * len(shape))(*shape)))


def tensor(dtype, *shape):
    return Tensor(lib.tmem_tensor_new_dtype(
        dtype, len(shape), (c_int64 * len(shape))(*shape), ZERO))


def take(capsule):
    """A tensor of ours from somebody's capsule, which is consumed."""
    if pythonapi.PyCapsule_IsValid(id(capsule), b"dltensor"):
        at = pythonapi.PyCapsule_GetPointer(capsule, b"dltensor")
        got = Tensor(lib.tmem_tensor_from_dlpack(c_void_p(at)))
        pythonapi.PyCapsule_SetName(capsule, b"used_dltensor")
    else:
        at = pythonapi.PyCapsule_GetPointer(capsule, b"dltensor_versioned")
        got = Tensor(lib.tmem_tensor_from_dlpack_versioned(c_void_p(at)))
        pythonapi.PyCapsule_SetName(capsule, b"used_dltensor_versioned")
    return got


def stats():
    now = Stats(struct_size=ctypes.sizeof(Stats))
    lib.tmem_tensor_stats_get(byref(now))
    return now


def left():
    gc.collect()
    return stats().tensors, stats().storages


checks = []


def check(text):
    """A function whose result is compared with what it also returns."""
    def note(fn):
        checks.append((text, fn))
        return fn
    return note


def run(module):
    failed = 0
    for text, fn in checks:
        try:
            got, wanted = fn(module)
            wrong = "" if got == wanted else f"{got!r} is not {wanted!r}"
        except Exception as error:  # whatever it is, it is told
            wrong = f"{type(error).__name__}: {error}"
        failed += bool(wrong)
        print(f"not ok {text}: {wrong}" if wrong else f"ok {text}")
    return failed


# --- checks: m is numpy or torch ---------------------------------------------

def flat(a):
    return [x for x in a.reshape(-1).tolist()]


def address(m, a):
    return a.data_ptr() if m.__name__ == "torch" else a.ctypes.data


def counted(m):
    t = tensor(I32, 4, 6)
    a = m.from_dlpack(t)
    # numpy makes what it takes in read-only: written from our side.
    (c_int32 * 24).from_address(t.address)[:] = list(range(24))
    return t, a


@check("the same memory and elements")
def same(m):
    t, a = counted(m)
    return (address(m, a), list(a.shape), flat(a)), \
        (t.address, [4, 6], list(range(24)))


@check("what is written on our side is seen")
def written(m):
    t, a = counted(m)
    cast(c_void_p(lib.tmem_tensor_write(t.at)), POINTER(c_int32))[5] = 99
    return int(a[0][5]), 99


@check("views: every other row, transposed")
def views(m):
    t, a = counted(m)
    v = m.from_dlpack(t.slice(0, 1, 2, 2).permute(1, 0))
    return (flat(v), address(m, v)), \
        (flat(a[1:4:2].T), t.address + 24)


@check("a reshaped view")
def reshaped(m):
    t, a = counted(m)
    return flat(m.from_dlpack(t.reshape(2, 2, -1))), flat(a)


@check("the memory lives as long as the array")
def lives(m):
    before = left()
    t, a = counted(m)
    view = m.from_dlpack(t.slice(0, 2, 1, 1))
    del t, a
    gc.collect()
    elements, held = flat(view), stats().storages - before[1]
    del view
    return (elements, held, left()), ([12, 13, 14, 15, 16, 17], 1, before)


@check("a capsule that nobody takes")
def untaken(m):
    before = left()
    t = tensor(I32, 3)
    capsule = t.__dlpack__()
    del capsule, t
    return left(), before


@check("all types, there and back")
def types(m):
    wrong = []
    for name, dtype in DTYPES.items():
        # Before numpy 1.25 and torch 2.2 there was no bool in DLPack.
        if name == "bool" or not hasattr(m, name):
            continue
        t = tensor(dtype, 3)
        a = m.from_dlpack(t)
        if str(a.dtype).removeprefix("torch.") != name:
            wrong.append((name, str(a.dtype)))
        b = m.ones(3, dtype=getattr(m, name))
        back = take(b.__dlpack__())
        if lib.tmem_tensor_dtype(back.at) != dtype:
            wrong.append(name)
    return wrong, []


@check("an array of theirs, taken in, with strides")
def taken(m):
    a = m.arange(24, dtype=m.int32).reshape(4, 6)[::2, 1::2]
    t = take(a.__dlpack__())
    b = m.from_dlpack(t)
    return (t.address, flat(b), lib.tmem_tensor_elements(t.at)), \
        (address(m, a), flat(a), 6)


@check("an array of theirs lives as long as ours")
def theirs(m):
    a = m.arange(1000, dtype=m.int64)
    t = take(a.__dlpack__())
    v = t.slice(0, 10, 5, 3)
    del a, t
    gc.collect()
    for _ in range(50):  # memory that was freed would be used again
        m.zeros(1000, dtype=m.int64) + 1
    return flat(m.from_dlpack(v)), [10, 13, 16, 19, 22]


@check("no dimensions, and no elements")
def edges(m):
    scalar = m.from_dlpack(tensor(I32))
    none = m.from_dlpack(tensor(I32, 3, 0))
    back = take(m.zeros((0, 7)).__dlpack__())
    return (list(scalar.shape), int(scalar), list(none.shape),
            lib.tmem_tensor_elements(back.at)), ([], 0, [3, 0], 0)


@check("what is broadcast is not handed out for writing")
def readonly(m):
    wide = tensor(I32, 3).broadcast(5, 3)
    try:
        wide.__dlpack__()
    except BufferError:
        return True, True
    return False, True


@check("shapes of one to six dimensions")
def shapes(m):
    wrong = []
    for n in range(1, 7):
        for shape in itertools.islice(
                itertools.product((1, 2, 3), repeat=n), 0, 60, 7):
            a = m.from_dlpack(tensor(I32, *shape))
            if tuple(a.shape) != shape:
                wrong.append(shape)
    return wrong, []


@check("nothing is left")
def nothing(m):
    return left(), (0, 0)


def negative(m):
    t, a = counted(m)
    v = m.from_dlpack(t.slice(1, 5, 6, -1).slice(0, 3, 2, -2))
    return flat(v), flat(a[3:0:-2, ::-1])


def main():
    try:
        module = importlib.import_module(sys.argv[2])
    except ImportError as error:
        print(error)
        return 77
    print(f"# {module.__name__} {module.__version__}")
    if module.__name__ == "numpy":  # PyTorch has no negative strides
        checks.insert(-1, ("backwards", negative))
    return run(module) > 0


lib = load(sys.argv[1])
sys.exit(main())
