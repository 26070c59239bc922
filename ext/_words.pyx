# cython: boundscheck=False, wraparound=False
"""The primitives that need raw memory: cut, XOR by machine words, a frame of several pieces in one allocation.

Their plain twin is `ext._words_plain`. No protocol knowledge beyond the shape of a frame header lives here.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy


cpdef bytes cut(bytes data, Py_ssize_t start, Py_ssize_t end):
    """`data[start:end]`, without the slice object that Python's own spelling costs. IndexError outside of it."""
    if not 0 <= start <= end <= len(data):
        raise IndexError("range outside of the data")
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + start, end - start)


cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t end, bytes key, Py_ssize_t key_at):
    """`data[start:end]` XOR the four bytes at `key[key_at:]`, repeated. IndexError outside of either."""
    if not (0 <= start <= end <= len(data) and 0 <= key_at <= len(key) - 4):
        raise IndexError("range outside of the data")
    cdef Py_ssize_t length = end - start, at = 0
    cdef bytes result = PyBytes_FromStringAndSize(NULL, length)
    cdef const unsigned char* source = <const unsigned char*> PyBytes_AS_STRING(data) + start
    cdef unsigned char* target = <unsigned char*> PyBytes_AS_STRING(result)
    cdef unsigned char small[8]
    cdef uint64_t mask, word
    memcpy(small, PyBytes_AS_STRING(key) + key_at, 4)
    memcpy(small + 4, small, 4)
    memcpy(&mask, small, 8)
    while at + 8 <= length:
        memcpy(&word, source + at, 8)
        word ^= mask
        memcpy(target + at, &word, 8)
        at += 8
    while at < length:
        target[at] = source[at] ^ small[at & 3]
        at += 1
    return result


cdef inline Py_ssize_t _view(object piece, const char** start) except -1:
    """Address and length of a piece: bytes, or text as UTF-8 (CPython keeps it inside the string if it is ASCII)."""
    cdef Py_ssize_t size
    if type(piece) is bytes:
        start[0] = PyBytes_AS_STRING(piece)
        return PyBytes_GET_SIZE(piece)
    start[0] = PyUnicode_AsUTF8AndSize(piece, &size)
    return size


cpdef bytes pack(int first, tuple pieces):
    """The pieces in a row; behind an unmasked frame header if `first`, its first byte, is not 0."""
    cdef Py_ssize_t length = 0, header = 0
    cdef const char* start
    cdef unsigned char* target
    cdef int shift
    for piece in pieces:
        length += _view(piece, &start)
    if first:
        header = 2 if length < 126 else 4 if length < 65536 else 10
    cdef bytes result = PyBytes_FromStringAndSize(NULL, header + length)
    target = <unsigned char*> PyBytes_AS_STRING(result)
    if header:
        target[0] = <unsigned char> first
        target[1] = <unsigned char> (length if header == 2 else 126 if header == 4 else 127)
        for shift in range(header - 2):
            target[header - 1 - shift] = <unsigned char> ((length >> (8 * shift)) & 0xFF)
        target += header
    for piece in pieces:
        length = _view(piece, &start)
        memcpy(target, start, length)
        target += length
    return result
