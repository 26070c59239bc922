cimport cython
from ext._words cimport cut, pack, unmask

cdef Py_ssize_t _SHORT


cdef class Deflate:
    cdef int _own_bits
    cdef int _peer_bits
    cdef int _final_blocks
    cdef bint _own_fresh
    cdef bint _peer_fresh
    cdef object _compressor
    cdef object _inflater

    cpdef bytes compress(self, bytes payload)
    cpdef bytes inflate(self, bytes piece, Py_ssize_t room)
    cpdef bytes finish(self, Py_ssize_t room)


cdef class Assembly:
    cdef bint in_frame
    cdef int opcode
    cdef bint fin
    cdef Py_ssize_t remaining
    cdef bytes key
    cdef bytes control
    cdef bint under_way
    cdef bint text
    cdef bint compressed
    cdef Py_ssize_t wire_size
    cdef Py_ssize_t size
    cdef object buffer
    cdef object decoder


cdef class FrameReader:
    cdef public Py_ssize_t max_message_size
    cdef readonly bint waiting
    cdef bint _client
    cdef bint _ended
    cdef Deflate _deflate
    cdef bytes _data
    cdef Py_ssize_t _at
    cdef Assembly _assembly

    cpdef feed(self, bytes data)

    @cython.locals(data=bytes, assembly=Assembly, event=tuple)
    cpdef tuple next_event(self)

    cpdef list read_all(self, bytes data)

    @cython.locals(size=Py_ssize_t, length=Py_ssize_t, start=Py_ssize_t, text=bytes)
    cpdef bytes sole_text(self, bytes data)

    @cython.locals(at=Py_ssize_t, size=Py_ssize_t, end=Py_ssize_t, turn=Py_ssize_t, piece=bytes)
    cdef tuple _advance(self, Assembly assembly, bytes data)

    @cython.locals(
        size=Py_ssize_t, start=Py_ssize_t, length=Py_ssize_t, first=int, second=int, opcode=int
    )
    cdef Py_ssize_t _open(self, Assembly assembly, bytes data, Py_ssize_t at) except -1

    @cython.locals(opcode=int, reserved=int)
    cdef void _check_header(self, Assembly assembly, int first, int second) except *

    @cython.locals(limit=Py_ssize_t)
    cdef void _check_size(self, Assembly assembly, Py_ssize_t length, int compressed) except *

    @cython.locals(whole=bint)
    cdef void _absorb(self, Assembly assembly, bytes piece) except *

    @cython.locals(room=Py_ssize_t)
    cdef bytes _inflate(self, Assembly assembly, bytes piece, bint last)

    cdef bytes _end_message(self, Assembly assembly)
    cdef bytes _end_control(self, Assembly assembly)


cpdef bint is_close_code(int code) except -1

cpdef bytes frame(int opcode, bytes payload, bytes mask=*, bint rsv1=*)
cdef bytes _masked_header(int first, Py_ssize_t length)
cdef bint _is_utf8(bytes text) except -1
