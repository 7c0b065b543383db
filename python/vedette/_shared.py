"""Memory shared with a broker on this host: its log's segments to read from, an arena of ours to publish from."""

from __future__ import annotations

import ctypes
import fcntl
import itertools
import mmap
import os
import weakref
from collections import deque

import numpy as np
import numpy.typing as npt

from vedette._wire import ProtocolError

Pixels = npt.NDArray[np.uint8]
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
_PAGE = mmap.PAGESIZE
_numbers = itertools.count()


class Segment:
    """A segment of the broker's log, mapped read-only. All but view() and the end of a view: with the stream's lock."""

    def __init__(self, number: int, file: int, size: int):
        """Takes `file` over. Raises ProtocolError when it can shrink below us, OSError or ValueError when it cannot be
        mapped."""
        try:
            if not fcntl.fcntl(file, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
                raise ProtocolError("a segment whose memory may shrink")
            self._memory = mmap.mmap(file, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        finally:
            os.close(file)
        self.number = number
        self.size = size
        self.received = 0  # frames so far
        self._views: dict[int, tuple[int, int]] = {}

    def view(self, offset: int, size: int, gone: deque[tuple[Segment, int]]) -> memoryview:
        """Bytes of the segment. When the last array or view on them has gone, `gone` is told; that may be at any point
        of any thread (the collector decides), so nothing more than an append is done there."""
        pixels: Pixels = np.frombuffer(self._memory, np.uint8, size, offset)
        key = next(_numbers)
        self._views[key] = (offset, size)
        weakref.finalize(pixels, gone.append, (self, key)).atexit = False
        return pixels.data

    def forget(self, key: int) -> bool:
        """A view has gone; whether it was the last one."""
        self._views.pop(key, None)
        return not self._views

    @property
    def used(self) -> bool:
        return bool(self._views)

    def keep(self) -> None:
        """Makes what is still looked at our own, at the same address: the broker may soon write over the segment."""
        ranges: list[tuple[int, int]] = []
        for offset, size in sorted(self._views.values()):
            first, last = offset // _PAGE * _PAGE, -(-(offset + size) // _PAGE) * _PAGE
            if ranges and first <= ranges[-1][1]:
                ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
            else:
                ranges.append((first, last))
        if ranges:
            start = np.frombuffer(self._memory, np.uint8).ctypes.data
            for first, last in ranges:
                _own_pages(start + first, last - first)


def _own_pages(address: int, size: int) -> None:
    """Replaces mapped pages by a private copy, in one step for whoever reads them meanwhile (mremap(2) puts the copy in
    their place while page faults wait)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    failed = ctypes.c_void_p(-1).value
    may_move_to = 1 | 2  # MREMAP_MAYMOVE | MREMAP_FIXED
    copy = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if copy == failed:
        raise OSError(ctypes.get_errno(), "no memory for the frames that are still looked at")
    ctypes.memmove(copy, address, size)
    if libc.mprotect(copy, size, mmap.PROT_READ) != 0 or libc.mremap(copy, size, size, may_move_to, address) == failed:
        error = ctypes.get_errno()
        libc.munmap(copy, size)
        raise OSError(error, "cannot keep the frames that are still looked at")


class Arena:
    """Memory that we publish from (src/vedette/link/shared_ring.h): the broker maps it, copies a frame into its log, and
    gives the lease back by a store into a small file of states. With a lock of the caller's."""

    LEASES = 128
    _GRAIN = 4096
    _OVERRUN = 64  # bytes that a reader may go past a frame

    def __init__(self, size: int):
        """Raises OSError when the system has no such memory."""
        self.size = size
        self._pixels, memory = _sealed_memory("vedette-pictures", size)
        leases, states = _sealed_memory("vedette-leases", self.LEASES * 4)
        self._states = leases.view(np.uint32)
        # As long as somebody has the other end of the pipe, somebody may look at what was lent.
        self._pipe, theirs = os.pipe2(os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._pipe).atexit = False
        self.files = (memory, states, theirs)  # for the broker; whoever sends them closes them
        self._free = list(range(self.LEASES, 0, -1))
        self._lent: dict[int, tuple[int, int]] = {}  # lease: offset, bytes

    def fits(self, size: int) -> bool:
        return size + self._OVERRUN <= self.size // 2

    def lend(self, data: memoryview) -> tuple[int, int] | None:
        """Copies a frame into the arena: its lease, and where it lies. None while there is no room."""
        for lease in [lease for lease in self._lent if self._states[lease - 1] == 0]:
            del self._lent[lease]
            self._free.append(lease)
        size = -(-(data.nbytes + self._OVERRUN) // self._GRAIN) * self._GRAIN
        offset = 0  # the lowest room there is, so that the same warm pages are used again and again
        for taken, length in sorted(self._lent.values()):
            if taken - offset >= size:
                break
            offset = taken + length
        if not self._free or offset + size > self.size:
            return None
        self._pixels[offset : offset + data.nbytes] = np.frombuffer(data, np.uint8)
        lease = self._free.pop()
        self._lent[lease] = (offset, size)
        self._states[lease - 1] = 1
        return lease, offset


def _sealed_memory(name: str, size: int) -> tuple[Pixels, int]:
    """Memory that can neither shrink nor grow, so that nobody's mapping of it ever faults; and its file."""
    file = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(file, size)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        return np.frombuffer(mmap.mmap(file, size), np.uint8), file
    except BaseException:
        os.close(file)
        raise
