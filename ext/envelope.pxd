cimport cython
from ext._words cimport cut, pack

cdef int _CALL
cdef int _CALLRESULT
cdef int _CALLERROR
cdef int _CALLRESULTERROR
cdef int _SEND
cdef int _TEXT_FRAME


@cython.final
@cython.freelist(8)
cdef class Scanner:
    cdef bytes text
    cdef Py_ssize_t at
    cdef Py_ssize_t end

    cdef bint enter(self, bytes text) except -1
    cdef void skip(self) noexcept
    cdef void trim(self) noexcept
    cdef bint comma(self) noexcept

    @cython.locals(start=Py_ssize_t, value=int)
    cdef int number(self) except -2

    @cython.locals(start=Py_ssize_t, at=Py_ssize_t, plain=bint)
    cdef str string(self)

    cdef bytes rest(self)


@cython.locals(scan=Scanner, kind=int, message_id=object, name=str, rest=bytes)
cpdef tuple split(bytes text, bint numeric_id=*)

cpdef bytes result_frame(object message_id, bytes payload)
cpdef bytes result_text(object message_id, bytes payload)
cpdef bytes call_frame(object message_id, str action, bytes payload, int kind=*)
cpdef bytes call_text(object message_id, str action, bytes payload, int kind=*)
cpdef bytes error_frame(object message_id, str code, str description=*, bytes details=*, int kind=*)
cpdef bytes error_text(object message_id, str code, str description=*, bytes details=*, int kind=*)

cdef bint _is_space(int byte) noexcept

@cython.locals(char=Py_UCS4)
cdef bint _is_plain(str text) except -1

cdef str _literal(object message_id)
cdef str _escape(str text)
cdef str _unescape(bytes literal)
