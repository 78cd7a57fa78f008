"""noveum/trace.h by ctypes: spans as context managers. Nothing but the standard library and libnoveum-trace.so.1.

Each function is declared once, by its arguments; whatever of the header is not here is declared in the same way.
"""
import contextlib
import ctypes
import functools

NUL = ctypes.c_size_t(-1).value  # as a length: the string ends with NUL
FUNCTION, LLM, AGENT, TOOL, RETRIEVAL, EMBEDDING, WORKFLOW = range(7)
INPUT, OUTPUT, INSTRUCTIONS = range(3)


class Handle(ctypes.Structure):
    """noveum_span, by value."""

    _fields_ = [("id", ctypes.c_uint64)]


def _declare(letters):
    """s: span, t: text that ends with NUL, l: length, i: int, n: int64, u: uint32, d: double, p: pointer."""
    types = {"s": Handle, "t": ctypes.c_char_p, "l": ctypes.c_size_t, "i": ctypes.c_int, "n": ctypes.c_int64,
             "u": ctypes.c_uint32, "d": ctypes.c_double, "p": ctypes.c_void_p}
    return [types[letter] for letter in letters]


_library = ctypes.CDLL("libnoveum-trace.so.1")
for _name, _takes, _gives in [
        ("start", "p", ctypes.c_int), ("flush", "u", ctypes.c_int), ("shutdown", "u", ctypes.c_int),
        ("begin", "it", Handle), ("begin_below", "sit", Handle), ("end", "s", None), ("error", "stt", None),
        ("set_text", "sttl", None), ("set_int", "stn", None), ("set_double", "std", None), ("set_bool", "sti", None),
        ("session", "st", None), ("user", "st", None), ("traceparent", "st", ctypes.c_size_t),
        ("llm", "stt", None), ("llm_response", "sttt", None), ("llm_usage", "snn", None), ("chunk", "su", None),
        ("stream_abandoned", "st", None), ("message", "sittl", None), ("message_begin", "sit", None),
        ("part_text", "stl", None), ("part_tool_call", "stttl", None), ("message_end", "st", None),
        ("agent", "sttt", None), ("tool", "sttt", None), ("tool_arguments", "stl", None), ("tool_result", "stl", None)]:
    _function = getattr(_library, "noveum_" + _name)
    _function.argtypes, _function.restype = _declare(_takes), _gives


def call(name, *arguments):
    """noveum_NAME: texts become UTF-8."""
    encoded = [value.encode("utf-8", "replace") if isinstance(value, str) else value for value in arguments]
    return getattr(_library, "noveum_" + name)(*encoded)


class Span:
    """A span that has begun: span.llm_usage(21, 9) is noveum_llm_usage(span, 21, 9)."""

    def __init__(self, handle):
        self.handle = handle

    def __getattr__(self, name):
        return functools.partial(call, name, self.handle)

    def set(self, key, value):
        """An attribute, by the type of its value."""
        if isinstance(value, bool):
            self.set_bool(key, value)
        elif isinstance(value, int):
            self.set_int(key, value)
        elif isinstance(value, float):
            self.set_double(key, value)
        else:
            data = str(value).encode("utf-8", "replace")
            self.set_text(key, data, len(data))


@contextlib.contextmanager
def span(kind, name=None):
    """Current in this thread within the block; an exception that leaves the block is the span's error."""
    begun = Span(call("begin", kind, name))
    try:
        yield begun
    except BaseException as error:
        begun.error(type(error).__qualname__, str(error))
        raise
    finally:
        begun.end()


def traced(kind=FUNCTION, name=None):
    """A decorator: each call of the function is a span."""
    def decorate(function):
        @functools.wraps(function)
        def run(*args, **kwargs):
            with span(kind, name or function.__qualname__):
                return function(*args, **kwargs)
        return run
    return decorate
