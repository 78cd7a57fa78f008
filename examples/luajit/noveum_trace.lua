-- noveum/trace.h for LuaJIT (and OpenResty): spans around functions. Needs libnoveum-trace.so.1.
-- Whatever of the header is not declared here is declared in the same way.
local ffi = require("ffi")

ffi.cdef [[
typedef struct noveum_span { uint64_t id; } noveum_span;
int noveum_start(const void *options);
int noveum_flush(uint32_t timeout_ms);
int noveum_shutdown(uint32_t timeout_ms);
noveum_span noveum_begin(int kind, const char *name);
noveum_span noveum_begin_below(noveum_span parent, int kind, const char *name);
void noveum_end(noveum_span span);
void noveum_error(noveum_span span, const char *type, const char *message);
void noveum_set_text(noveum_span span, const char *key, const char *value, size_t length);
void noveum_set_double(noveum_span span, const char *key, double value);
void noveum_set_bool(noveum_span span, const char *key, int value);
void noveum_session(noveum_span span, const char *id);
size_t noveum_traceparent(noveum_span span, char *text);
void noveum_llm(noveum_span span, const char *provider, const char *model);
void noveum_llm_response(noveum_span span, const char *id, const char *model, const char *reason);
void noveum_llm_usage(noveum_span span, int64_t input, int64_t output);
void noveum_chunk(noveum_span span, uint32_t tokens);
void noveum_stream_abandoned(noveum_span span, const char *reason);
void noveum_message(noveum_span span, int direction, const char *role, const char *text, size_t length);
void noveum_message_begin(noveum_span span, int direction, const char *role);
void noveum_part_tool_call(noveum_span span, const char *id, const char *name, const char *arguments,
                           size_t length);
void noveum_message_end(noveum_span span, const char *finish_reason);
void noveum_agent(noveum_span span, const char *id, const char *name, const char *description);
void noveum_tool(noveum_span span, const char *name, const char *call_id, const char *type);
void noveum_tool_arguments(noveum_span span, const char *arguments, size_t length);
void noveum_tool_result(noveum_span span, const char *result, size_t length);
]]

local library = ffi.load("libnoveum-trace.so.1")
local noveum = {
    FUNCTION = 0, LLM = 1, AGENT = 2, TOOL = 3, RETRIEVAL = 4, EMBEDDING = 5, WORKFLOW = 6,
    INPUT = 0, OUTPUT = 1, INSTRUCTIONS = 2,
}

-- noveum.f(...) is noveum_f(...).
setmetatable(noveum, {
    __index = function(table, name)
        local found = library["noveum_" .. name]
        rawset(table, name, found)
        return found
    end,
})

-- Calls work(span) within a span of this kind and gives what it gives. An error of it is the span's
-- error and goes on. In OpenResty, where coroutines take turns in one thread, give the parent.
function noveum.span(kind, work, parent)
    local span = parent and library.noveum_begin_below(parent, kind, nil) or library.noveum_begin(kind, nil)
    local ended = function(good, ...)
        if not good then
            library.noveum_error(span, "error", tostring((...)))
        end
        library.noveum_end(span)
        if not good then
            error((...), 0)
        end
        return ...
    end
    return ended(pcall(work, span))
end

function noveum.text(span, direction, role, text)
    library.noveum_message(span, direction, role, text, #text)
end

return noveum
