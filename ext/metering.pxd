cimport cython

cdef long long _UNUSABLE
cdef long long _MASK
cdef long long _TENTH
cdef double _SQRT3
cdef int _WORST
cdef int _WHOLE
cdef int _LINE_TO_LINE
cdef int _IGNORED
cdef int _REGISTER
cdef int _INTERVAL
cdef int _POWER
cdef int _CURRENT
cdef int _VOLTAGE
cdef int _SOC


cdef class Kind:
    cdef readonly str identity
    cdef readonly long long fingerprint
    cdef readonly int measurand
    cdef readonly int phase
    cdef readonly int rank


cdef class Slot:
    cdef int rank
    cdef int mask
    cdef bint broken
    cdef long long whole
    cdef long long first
    cdef long long second
    cdef long long third


cdef class Reading:
    cdef readonly long long fingerprint
    cdef readonly int unusable
    cdef readonly object register_wh
    cdef readonly object interval_uwh
    cdef readonly object power_w
    cdef readonly object current_a
    cdef readonly object voltage_v
    cdef readonly object soc_percent


cdef dict _kinds

cpdef Kind kind_of(object measurand, object phase, object location, object context, object format_)

@cython.locals(
    places=int, number=cython.longlong, digits=int, decimals=int, negative=bint, signed=bint, dropped=int, sticky=bint, ended=bint,
    digit=int, c=Py_UCS4,
)
cpdef long long parse(str text, int exponent) except? 0

cdef long long _parse_scientific(str text, int places) except? 0

@cython.locals(
    reading=Reading, register=Slot, interval=Slot, power=Slot, current=Slot, voltage=Slot, kind=Kind, measurand=int,
    value=cython.longlong,
)
cpdef Reading read(object samples)

@cython.locals(seen=bint)
cdef void _put(Slot slot, Kind kind, long long value) noexcept

cdef bint _has(Slot slot) noexcept

@cython.locals(total=cython.longlong)
cdef long long _total(Slot slot) noexcept

@cython.locals(largest=cython.longlong)
cdef long long _largest(Slot slot) noexcept

@cython.locals(phases=int, mean=cython.double)
cdef double _mean(Slot slot) noexcept

@cython.locals(quotient=cython.longlong, rest=cython.longlong)
cpdef long long whole_units(long long millionths)
