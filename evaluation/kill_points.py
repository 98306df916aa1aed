"""Runs a piece of work in a child process and kills it at the n-th system call that changes the disk.

The child is a fork that lets itself be traced (``ptrace``), so every call is seen, whichever library makes it, and no
tool has to be installed. Linux on x86-64 only: ``why_not`` says whether it works here.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.errors import Misconfigured

_TRACEME, _POKEUSER, _SYSCALL, _SETOPTIONS, _SYSCALL_INFO = 0, 6, 24, 0x4200, 0x420E
_OPTIONS = 0x100000 | 0x01 | 0x08  # EXITKILL: nothing outlives the tracer; SYSGOOD; CLONE: threads are traced too
_AT_ENTRY, _AT_EXIT = 1, 2
_SYSCALL_STOP = signal.SIGTRAP | 0x80
_ANY_THREAD = 0x40000000  # __WALL
_O_CREAT = 0x40
_RDX = 12 * 8  # where ptrace keeps the third argument, which is a write's length

_BY_FILE = {
    1: "write", 18: "pwrite64", 20: "writev", 296: "pwritev", 328: "pwritev2", 77: "ftruncate", 285: "fallocate",
    74: "fsync", 75: "fdatasync", 91: "fchmod", 93: "fchown", 40: "sendfile", 326: "copy_file_range",
}  # fmt: skip
_BY_PATH = {
    82: "rename", 264: "renameat", 316: "renameat2", 86: "link", 265: "linkat", 87: "unlink", 263: "unlinkat",
    83: "mkdir", 258: "mkdirat", 84: "rmdir", 76: "truncate", 88: "symlink", 266: "symlinkat", 90: "chmod",
}  # fmt: skip
_OPENING = {2: 1, 257: 2}  # open, openat: which argument holds the flags; a file that is made is a change
_TEARABLE = ("write", "pwrite64")


class Kill(StrEnum):
    """When the process ends: before the call has done anything, or after half the bytes of a write."""

    BEFORE = "before"
    TORN = "torn"


@dataclass(frozen=True, slots=True)
class WritePoint:
    """One system call that changes the disk: its ``number`` counts from 1, ``length`` is that of a write."""

    number: int
    call: str
    length: int = 0

    @property
    def tearable(self) -> bool:
        """Whether half of it can be written."""
        return self.call in _TEARABLE and self.length > 1


class _SyscallInfo(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_uint8),
        ("_pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    )


def why_not() -> str | None:
    """Why no process can be killed at its write points here; None when it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"the system calls of {sys.platform} on {platform.machine()} are not known here, only Linux on x86_64"
    try:
        points = write_points(lambda: None, Path("/"))
    except OSError as error:
        return f"this machine does not let a process trace its child ({error.strerror})"
    return None if points == [] else "a child that does nothing was seen to write"


def write_points(work: Callable[[], None], folder: Path) -> list[WritePoint]:
    """Runs ``work`` to its end in a child; every call of it that changed what lies under ``folder``, in order.

    Raises ``Misconfigured`` when ``work`` fails.
    """
    run = _Run(folder)
    status = run.until_end(work)
    if status != 0:
        raise Misconfigured(f"The work of a fault injection ended with status {status}; run it by itself and see why.")
    return run.points


def killed_at(work: Callable[[], None], folder: Path, point: int, how: Kill = Kill.BEFORE) -> bool:
    """Runs ``work`` in a child and kills it (SIGKILL) at write point ``point``; False when it ended before that."""
    return _Run(folder, point, how).until_end(work) == -signal.SIGKILL


class _Run:
    """One child, followed from call to call."""

    def __init__(self, folder: Path, kill_at: int = 0, how: Kill = Kill.BEFORE) -> None:
        self._folder, self._kill_at, self._how = f"{folder.resolve()}".rstrip("/") + "/", kill_at, how
        self._trace = _ptrace()
        self._torn = False
        self.points: list[WritePoint] = []

    def until_end(self, work: Callable[[], None]) -> int:
        """The child's exit status, negative for the signal that ended it."""
        child = _traced_child(work, self._trace)
        os.waitpid(child, _ANY_THREAD)
        self._trace(_SETOPTIONS, child, 0, _OPTIONS)
        self._trace(_SYSCALL, child, 0, 0)
        while True:
            thread, status = os.waitpid(-child, _ANY_THREAD)  # the child leads a group of its own, its threads
            if not os.WIFSTOPPED(status):
                if thread == child:
                    return os.waitstatus_to_exitcode(status)
                continue
            self._step(child, thread, os.WSTOPSIG(status))

    def _step(self, child: int, thread: int, stopped_by: int) -> None:
        if stopped_by == _SYSCALL_STOP and self._is_the_end(thread):
            os.kill(child, signal.SIGKILL)
            return
        quiet = stopped_by in (_SYSCALL_STOP, signal.SIGTRAP, signal.SIGSTOP)
        try:
            self._trace(_SYSCALL, thread, 0, 0 if quiet else stopped_by)
        except ProcessLookupError:
            return  # it ended meanwhile; the next wait tells

    def _is_the_end(self, thread: int) -> bool:
        info = _SyscallInfo()
        self._trace(_SYSCALL_INFO, thread, ctypes.sizeof(info), ctypes.addressof(info))
        if info.op == _AT_EXIT:
            return self._torn
        point = self._point(thread, info) if info.op == _AT_ENTRY else None
        if point is None:
            return False
        self.points.append(point)
        if point.number != self._kill_at:
            return False
        if self._how is Kill.BEFORE:
            return True
        self._torn = point.tearable
        if self._torn:
            self._trace(_POKEUSER, thread, _RDX, point.length // 2)
        return not self._torn

    def _point(self, thread: int, info: _SyscallInfo) -> WritePoint | None:
        number, arguments = int(info.number), info.arguments
        count = len(self.points) + 1
        if number in _BY_PATH:
            return WritePoint(count, _BY_PATH[number])
        if number in _OPENING:
            return WritePoint(count, "create") if arguments[_OPENING[number]] & _O_CREAT else None
        if number in _BY_FILE and self._is_inside(thread, int(arguments[0])):
            length = int(arguments[2]) if _BY_FILE[number] in _TEARABLE else 0
            return WritePoint(count, _BY_FILE[number], length)
        return None

    def _is_inside(self, thread: int, file: int) -> bool:
        try:
            return f"{Path(f'/proc/{thread}/fd/{file}').readlink()}/".startswith(self._folder)
        except OSError:
            return False


def _traced_child(work: Callable[[], None], trace: Callable[[int, int, int, int], None]) -> int:
    """The id of a child that stops before ``work``; it ends without what a normal exit would still do."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        trace(_TRACEME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        work()
        status = 0
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        os._exit(status)


def _ptrace() -> Callable[[int, int, int, int], None]:
    """ptrace(2): request, process, address, data. Raises ``OSError``."""
    function = ctypes.CDLL(None, use_errno=True).ptrace
    function.restype, function.argtypes = ctypes.c_long, [ctypes.c_long] * 4

    def call(request: int, process: int, address: int, data: int) -> None:
        if function(request, process, address, data) < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    return call
