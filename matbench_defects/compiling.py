"""Compiling inner loops; those of the enumeration are kept as machine code, for they must not wait for a compiler.

Importing numba and readying it costs a process about 0.7 s, even where numba has kept what it compiled. So
`compiled_function` has numba compile a function to machine code without any reference to Python, which llvmlite alone
loads in hundredths of a second. What is kept is used where source, processor and versions are the same; where it cannot
be kept, it is compiled again in each process.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib
import importlib.util
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.bounded import read_bytes
from matbench_defects.errors import InputError
from matbench_defects.files import atomic_path
from matbench_defects.shipped import cache_folder

INTEGER = "int64"
LARGEST_CODE = 2**24
"""Bytes of a file of machine code."""
CHECKSUM = 32
"""Bytes of the SHA-256 that stands before the machine code in each file."""
_loading = threading.Lock()
_alive: list[Any] = []  # machine code lives as long as what it was loaded or compiled with


@functools.cache
def compiled_function(
    module: str, name: str, arguments: tuple[str, ...], imported: tuple[str, ...] = ()
) -> Callable[..., int]:
    """Return a function of a module of loops, compiled for arguments of given types.

    Parameters
    ----------
    module : str
        The module's dotted name. It is imported, and numba with it, only where nothing is kept.
    name : str
        The function in it, as numba's ``njit`` gives it. It must return an integer, and may neither raise nor allocate.
    arguments : tuple of str
        Of each argument in turn: ``"int64"``, a number, or the type of an array's numbers and a star, as ``"uint8*"``.
        The function meets an array as a pointer: by one index, without its shape.
    imported : tuple of str
        Further modules whose functions it calls.

    Returns
    -------
    callable
        It takes numbers and C-contiguous arrays of these types, and lets other threads run meanwhile.

    Raises
    ------
    ImportError
        If nothing is kept and numba is missing.
    """
    address = _address(module, name, arguments, imported)
    kinds = [ctypes.c_int64 if kind == INTEGER else ctypes.c_void_p for kind in arguments]
    # As numba passes them: where the result goes, where an exception would go, and the arguments.
    entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *kinds)(address)
    types = [None if kind == INTEGER else np.dtype(kind[:-1]) for kind in arguments]

    def call(*values: Any) -> int:
        result, exception = ctypes.c_int64(0), ctypes.c_void_p(0)
        given = [
            value if wanted is None else _pointer(value, wanted) for value, wanted in zip(values, types, strict=True)
        ]
        entry(ctypes.addressof(result), ctypes.addressof(exception), *given)
        return result.value

    return call


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function with numba, which is imported; where numba finds a folder, it keeps the result.

    Parameters
    ----------
    function : callable
        Loops over arrays and numbers. It is called without the interpreter's lock.
    **options
        Further options of ``numba.njit``.
    """
    import numba

    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no such folder
        return numba.njit(nogil=True, **options)(function)


def is_kept(module: str, name: str, arguments: tuple[str, ...], imported: tuple[str, ...] = ()) -> bool:
    """Return whether a function of `compiled_function` is there without starting the compiler.

    Parameters
    ----------
    module, name, arguments, imported
        As for `compiled_function`.
    """
    with contextlib.suppress(ImportError):
        return _path(module, name, arguments, imported).is_file()
    return False


def _pointer(array: Any, wanted: np.dtype[Any]) -> int:
    if array.dtype != wanted or not array.flags.c_contiguous:
        raise TypeError(f"a C-contiguous array of {wanted} was expected, not one of {array.dtype}")
    return int(array.__array_interface__["data"][0])


@functools.cache
def _path(module: str, name: str, arguments: tuple[str, ...], imported: tuple[str, ...]) -> Path:
    import llvmlite
    import llvmlite.binding as llvm

    versions = [llvmlite.__version__, str(llvm.llvm_version_info)]
    processor = [llvm.get_default_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    sources = [_source(one) for one in (__name__, module, *imported)]
    key = "\n".join([*versions, *processor, name, *arguments, *sources])
    return cache_folder() / "compiled" / f"{hashlib.sha256(key.encode()).hexdigest()}.o"


def _address(module: str, name: str, arguments: tuple[str, ...], imported: tuple[str, ...]) -> int:
    """Return where in memory a function is, loaded from its file or compiled now."""
    path = _path(module, name, arguments, imported)
    with _loading:
        kept = _kept(path)
        if kept is not None:
            with contextlib.suppress(RuntimeError, ValueError):  # another linker than the one that it was made for
                if address := _load(kept):
                    return address
        return _compile(module, name, arguments, path)


def _load(kept: bytes) -> int:
    import llvmlite.binding as llvm

    symbol, code = kept.split(b"\0", 1)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engine = llvm.create_mcjit_compiler(
        llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
    )
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _alive.append(engine)
    return int(engine.get_function_address(symbol.decode()))


def _source(module: str) -> str:
    found = importlib.util.find_spec(module)
    assert found is not None and found.origin is not None
    return Path(found.origin).read_text(encoding="utf-8")


def _kept(path: Path) -> bytes | None:
    """Return what a file holds behind its checksum; None where it is not there or not whole."""
    with contextlib.suppress(OSError, InputError):
        own = path.stat()
        if hasattr(os, "getuid") and (own.st_uid != os.getuid() or own.st_mode & 0o022):
            return None  # machine code that somebody else may have put there
        data = read_bytes(path, LARGEST_CODE)
        if hashlib.sha256(data[CHECKSUM:]).digest() == data[:CHECKSUM]:
            return data[CHECKSUM:]
    return None


def _keep(path: Path, code: bytes) -> None:
    with contextlib.suppress(OSError, InputError), atomic_path(path) as temporary:  # no place to keep it in
        temporary.write_bytes(hashlib.sha256(code).digest() + code)


def _compile(module: str, name: str, arguments: tuple[str, ...], path: Path) -> int:
    """Compile a function with numba, keep its machine code and return where it is."""
    import numba
    from numba.core import types
    from numba.core.registry import cpu_target

    function = getattr(importlib.import_module(module), name).py_func
    signature = tuple(
        types.int64 if kind == INTEGER else types.misc.CPointer(getattr(types, kind[:-1])) for kind in arguments
    )
    # Without wrappers nothing in it refers to Python.
    dispatcher = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")(function)
    dispatcher.compile(signature)
    compiled = dispatcher.overloads[signature]
    symbol: str = compiled.fndesc.llvm_func_name
    _alive.append(dispatcher)
    code = cpu_target.target_context.codegen()._tm.emit_object(compiled.library._final_module)
    _keep(path, symbol.encode() + b"\0" + code)
    return int(compiled.library.get_pointer_to_function(symbol))
