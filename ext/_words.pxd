cpdef bytes cut(bytes data, Py_ssize_t start, Py_ssize_t end)
cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t end, bytes key, Py_ssize_t key_at)
cpdef bytes pack(int first, tuple pieces)
