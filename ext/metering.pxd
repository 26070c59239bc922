cimport cython

cdef long long _UNUSABLE
cdef long long _MASK
cdef long long _TENTH
cdef double _SQRT3
cdef long long _JITTER
cdef double _LARGEST
cdef double _WHOLE_FROM
cdef int _FACTORS_EACH_WAY
cdef list _FACTORS
cdef int _WORST
cdef int _WHOLE
cdef int _LINE_TO_LINE
cdef long long _STRANGE
cdef list _UNITS
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
    cdef readonly bint begins
    cdef readonly bint ends


@cython.final
@cython.freelist(16)
cdef class Slot:
    cdef int rank
    cdef int mask
    cdef int begun
    cdef bint broken
    cdef bint disputed
    cdef long long whole
    cdef long long first
    cdef long long second
    cdef long long third


@cython.final
@cython.no_gc
cdef class Reading:
    cdef readonly long long fingerprint
    cdef readonly int unusable
    cdef readonly bint disputed
    cdef readonly bint begins
    cdef readonly bint ends
    cdef readonly int series
    cdef readonly object register_wh
    cdef dict _others
    cdef readonly object interval_uwh
    cdef readonly object power_w
    cdef readonly object current_a
    cdef readonly object voltage_v
    cdef readonly object soc_percent

    cpdef object register_in(self, int series)


cdef dict _kinds

cpdef Kind kind_of(object measurand, object phase, object location, object context, object format_)

@cython.locals(
    places=int, number=cython.longlong, digits=int, decimals=int, negative=bint, signed=bint, dropped=int, sticky=bint, ended=bint,
    digit=int, c=Py_UCS4,
)
cpdef long long parse(str text, long long exponent) except? 0

cdef long long _parse_scientific(str text, int places) except? 0


@cython.final
@cython.freelist(4)
@cython.no_gc
cdef class Pad:
    cdef Reading reading
    cdef Slot register
    cdef list more
    cdef Slot interval
    cdef Slot power
    cdef Slot current
    cdef Slot voltage


@cython.locals(pad=Pad, kind=Kind)
cpdef Reading read(object samples)

@cython.locals(pad=Pad, kind=Kind, exponent=cython.longlong)
cpdef Reading read_numbers(object samples)

cpdef long long exponent_of(int measurand, object unit) except? 0

cdef long long _spelt(dict units, str unit) except? 0

@cython.locals(factor=cython.double, millionths=cython.double)
cpdef long long scale(double value, long long exponent) except? 0

@cython.locals(measurand=int)
cdef void _take(Pad pad, Kind kind, long long value)

@cython.locals(slot=Slot)
cdef Slot _register_at(Pad pad, int rank)

@cython.locals(other=Slot)
cdef void _registers(Reading reading, Slot slot, list more)

cdef void _put_aside(dict others, Slot slot)

cdef Reading _sum_up(Pad pad)

@cython.locals(bit=int, before=cython.longlong)
cdef void _put(Slot slot, Kind kind, long long value) noexcept

cdef long long _value(Slot slot, int phase) noexcept

cdef bint _has(Slot slot) noexcept

cdef long long _total(Slot slot) noexcept

@cython.locals(total=cython.longlong)
cdef long long _phases(Slot slot) noexcept

@cython.locals(largest=cython.longlong)
cdef long long _largest(Slot slot) noexcept

@cython.locals(phases=int, mean=cython.double)
cdef double _mean(Slot slot) noexcept

@cython.locals(quotient=cython.longlong, rest=cython.longlong)
cpdef long long whole_units(long long millionths)
