/*
 * noveum/trace.hpp: noveum/trace.h for C++17, header only.
 *
 *     noveum::tracer tracer;                               shut down at the end of its scope
 *     {
 *         noveum::llm call("openai", "gpt-4o-mini");
 *         call.input("user", question);
 *         ...
 *         call.output(answer, "stop").usage(21, 9);
 *     }                                                    ended here, with its error if it threw
 *
 *   span ◀── llm, agent, tool, retrieval, embedding, workflow     what each kind may say
 *     │
 *     └── message   parts of one message, ended at the end of its scope
 *
 * All of trace.h holds: nothing here throws, allocates with new, aborts or waits, but
 * tracer::flush and the end of a tracer. A span is a handle of eight bytes and a count; it moves
 * and is not copied. One that was moved from, or is null, does nothing.
 *
 * A span that is left by an exception ends as an error. Which exception it is can't be known
 * while it is on its way: span::run calls a function and notes type and text of what it throws.
 *
 * Setters return the span, to go on with: call.usage(21, 9).cost(0.0004). After a move to
 * another thread a span may end there; the ones made by below(), remote() or at() are nobody's
 * current span.
 *
 * g++ or clang++, -std=c++17 and later, with or without exceptions and RTTI.
 */
#ifndef NOVEUM_TRACE_HPP
#define NOVEUM_TRACE_HPP

#include "trace.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__cpp_rtti) && defined(__GNUC__)
#include <cxxabi.h>
#include <typeinfo>
#endif

namespace noveum
{

/* A text that ends with NUL, borrowed for the call: a literal, a std::string, or nullptr for
 * "unsaid". A std::string_view has no NUL: give a std::string. */
class name
{
  public:
    constexpr name(const char *text) noexcept : text_(text) {}
    name(const std::string &text) noexcept : text_(text.c_str()) {}
    constexpr name(std::nullptr_t) noexcept : text_(nullptr) {}
    constexpr const char *get() const noexcept
    {
        return text_;
    }

  private:
    const char *text_;
};

/* A text with a length, borrowed for the call. */
class text
{
  public:
    constexpr text(const char *bytes) noexcept : bytes_(bytes), length_(NOVEUM_NUL) {}
    constexpr text(const char *bytes, std::size_t length) noexcept
        : bytes_(bytes), length_(length)
    {
    }
    text(const std::string &bytes) noexcept : bytes_(bytes.data()), length_(bytes.size()) {}
    constexpr text(std::string_view bytes) noexcept
        : bytes_(bytes.data()), length_(bytes.size())
    {
    }
    constexpr text(std::nullptr_t) noexcept : bytes_(nullptr), length_(0) {}
    constexpr const char *get() const noexcept
    {
        return bytes_;
    }
    constexpr std::size_t size() const noexcept
    {
        return length_;
    }

  private:
    const char *bytes_;
    std::size_t length_;
};

/* Nanoseconds since 1970 of a time of the system's clock, as trace.h wants them. */
inline std::uint64_t nanoseconds(std::chrono::system_clock::time_point time) noexcept
{
    auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
    return since.count() > 0 ? static_cast<std::uint64_t>(since.count()) : 0;
}
/* The same of a time of the steady clock. */
inline std::uint64_t nanoseconds(std::chrono::steady_clock::time_point time) noexcept
{
    auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
    return noveum_from_monotonic(static_cast<std::uint64_t>(since.count()));
}

/* ---- on and off -------------------------------------------------------------------------- */

/* Turns tracing on where the options or the environment ask for it (noveum_start), and off at
 * its end, with at most `exit_ms` for what waits. Of several only the first that was told
 * NOVEUM_OK turns it off. */
class tracer
{
  public:
    explicit tracer(const noveum_options *options = nullptr,
                    std::uint32_t exit_ms = 2000) noexcept
        : result_(noveum_start(options)), exit_ms_(exit_ms)
    {
    }
    tracer(const tracer &) = delete;
    tracer &operator=(const tracer &) = delete;
    ~tracer()
    {
        if (result_ == NOVEUM_OK)
            (void)noveum_shutdown(exit_ms_);
    }
    /* What noveum_start said. */
    noveum_result result() const noexcept
    {
        return result_;
    }
    static noveum_result flush(std::uint32_t timeout_ms) noexcept
    {
        return noveum_flush(timeout_ms);
    }

  private:
    noveum_result result_;
    std::uint32_t exit_ms_;
};

inline bool enabled() noexcept
{
    return noveum_enabled() != 0;
}
inline bool healthy() noexcept
{
    return noveum_healthy() != 0;
}
inline noveum_counters counters() noexcept
{
    noveum_counters made{};
    made.size = sizeof made;
    noveum_get_counters(&made);
    return made;
}

/* ---- spans ------------------------------------------------------------------------------- */

class span
{
  public:
    /* The null span. */
    constexpr span() noexcept = default;
    /* Below the thread's current span; current itself until it ends. */
    explicit span(noveum_kind kind, name called = nullptr) noexcept
        : span(noveum_begin(kind, called.get()))
    {
    }
    /* Takes a handle of trace.h and ends it. */
    explicit span(noveum_span handle) noexcept
        : handle_(handle), unwinding_(std::uncaught_exceptions())
    {
    }
    /* Below `parent`, whatever is current. */
    static span below(noveum_span parent, noveum_kind kind = NOVEUM_FUNCTION,
                      name called = nullptr) noexcept
    {
        return span(noveum_begin_below(parent, kind, called.get()));
    }
    /* Below a span of another process. */
    static span remote(const noveum_context &parent, noveum_kind kind = NOVEUM_FUNCTION,
                       name called = nullptr) noexcept
    {
        return span(noveum_begin_remote(&parent, kind, called.get()));
    }
    /* Below `parent`, at a time that has passed: nanoseconds(). */
    static span at(noveum_span parent, std::uint64_t start_ns,
                   noveum_kind kind = NOVEUM_FUNCTION, name called = nullptr) noexcept
    {
        return span(noveum_begin_at(parent, kind, called.get(), start_ns));
    }

    span(const span &) = delete;
    span &operator=(const span &) = delete;
    span(span &&other) noexcept : span(other.release()) {}
    /* Ends what it held. */
    span &operator=(span &&other) noexcept
    {
        if (this != &other) {
            end();
            handle_ = other.release();
            unwinding_ = std::uncaught_exceptions();
        }
        return *this;
    }
    ~span()
    {
        if (handle_.id != 0 && std::uncaught_exceptions() > unwinding_)
            noveum_error(handle_, "exception", "left by an exception");
        end();
    }

    /* Now, or at a time; the span is null then. */
    void end(std::uint64_t end_ns = 0) noexcept
    {
        noveum_span handle = release();
        if (handle.id == 0)
            return;
        if (end_ns > 0)
            noveum_end_at(handle, end_ns);
        else
            noveum_end(handle);
    }
    /* Ends it without sending it. */
    void discard() noexcept
    {
        noveum_span handle = release();
        noveum_discard(handle);
    }
    /* Gives the handle up: who takes it ends it. */
    noveum_span release() noexcept
    {
        return std::exchange(handle_, noveum_null());
    }
    /* Borrowed: for trace.h, and as a parent. */
    noveum_span handle() const noexcept
    {
        return handle_;
    }
    operator noveum_span() const noexcept
    {
        return handle_;
    }
    explicit operator bool() const noexcept
    {
        return handle_.id != 0;
    }

    /* What noveum_get_context says. */
    noveum_context context() const noexcept
    {
        noveum_context made;
        noveum_get_context(handle_, &made);
        return made;
    }

    span &set(name key, text value) noexcept
    {
        noveum_set_text(handle_, key.get(), value.get(), value.size());
        return *this;
    }
    /* Numbers and booleans; an unsigned one past INT64_MAX counts as that. */
    template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
    span &set(name key, T value) noexcept
    {
        if constexpr (std::is_same_v<T, bool>) {
            noveum_set_bool(handle_, key.get(), value ? 1 : 0);
        } else if constexpr (std::is_floating_point_v<T>) {
            noveum_set_double(handle_, key.get(), static_cast<double>(value));
        } else {
            constexpr auto most = std::numeric_limits<std::int64_t>::max();
            bool fits = true;
            if constexpr (std::is_unsigned_v<T>)
                fits = value <= static_cast<std::uint64_t>(most);
            noveum_set_int(handle_, key.get(), fits ? static_cast<std::int64_t>(value) : most);
        }
        return *this;
    }
    span &set(std::initializer_list<noveum_attribute> attributes) noexcept
    {
        noveum_set(handle_, attributes.begin(), attributes.size());
        return *this;
    }
    span &rename(name called) noexcept
    {
        noveum_set_name(handle_, called.get());
        return *this;
    }
    span &ok() noexcept
    {
        noveum_set_ok(handle_);
        return *this;
    }
    span &error(name type, name message = nullptr) noexcept
    {
        noveum_error(handle_, type.get(), message.get());
        return *this;
    }
    /* The error of an exception: its class and what(). */
    span &error(const std::exception &thrown) noexcept
    {
        return error_of(&thrown);
    }
    span &event(name called, std::initializer_list<noveum_attribute> attributes = {},
                std::uint64_t time_ns = 0) noexcept
    {
        noveum_event(handle_, called.get(), time_ns, attributes.begin(), attributes.size());
        return *this;
    }
    span &link(const noveum_context &to) noexcept
    {
        noveum_link(handle_, &to, nullptr, 0);
        return *this;
    }
    span &session(name id) noexcept
    {
        noveum_session(handle_, id.get());
        return *this;
    }
    span &user(name id) noexcept
    {
        noveum_user(handle_, id.get());
        return *this;
    }
    span &tags(std::initializer_list<const char *> words) noexcept
    {
        noveum_tags(handle_, words.begin(), words.size());
        return *this;
    }
    /* A step that is over: the phases of an engine, told afterwards. */
    span &step(name called, std::uint64_t start_ns, std::uint64_t end_ns,
               noveum_kind kind = NOVEUM_FUNCTION) noexcept
    {
        noveum_record(handle_, kind, called.get(), start_ns, end_ns);
        return *this;
    }

    /* Calls `work` with this span and returns what it returns. What it throws goes on, after
     * its class and text were noted as the span's error. */
    template <class F> decltype(auto) run(F &&work)
    {
#if defined(__cpp_exceptions)
        try {
            return std::forward<F>(work)(*this);
        } catch (const std::exception &thrown) {
            error_of(&thrown);
            unwinding_ = std::numeric_limits<int>::max(); /* said already */
            throw;
        } catch (...) {
            error_of(nullptr);
            unwinding_ = std::numeric_limits<int>::max();
            throw;
        }
#else
        return std::forward<F>(work)(*this);
#endif
    }

  private:
    /* nullptr: something that is no std::exception, which is being handled. */
    span &error_of(const std::exception *thrown) noexcept
    {
        const char *what = thrown ? thrown->what() : nullptr;
        const char *type = "exception";
        char *readable = nullptr;
#if defined(__cpp_rtti) && defined(__GNUC__)
        const std::type_info *info =
            thrown ? &typeid(*thrown) : abi::__cxa_current_exception_type();
        int status = 0;
        if (info) {
            readable = abi::__cxa_demangle(info->name(), nullptr, nullptr, &status);
            type = readable ? readable : info->name();
        }
#endif
        noveum_error(handle_, type, what);
        std::free(readable);
        return *this;
    }

    noveum_span handle_{0};
    int unwinding_ = 0; /* exceptions on their way when it began */
};

/* What is current in this thread; not ended by the span's C++ side. */
inline noveum_span current() noexcept
{
    return noveum_current();
}

/* A span that is current in this scope: around callbacks that begin spans of their own. */
class entered
{
  public:
    explicit entered(noveum_span span) noexcept : span_(span)
    {
        noveum_enter(span_);
    }
    entered(const entered &) = delete;
    entered &operator=(const entered &) = delete;
    ~entered()
    {
        noveum_leave(span_);
    }

  private:
    noveum_span span_;
};

/* ---- messages ---------------------------------------------------------------------------- */

/* A message of parts, ended at the end of its scope. Must not outlive its span. */
class message
{
  public:
    message(noveum_span span, noveum_direction direction, name role,
            name finish_reason = nullptr) noexcept
        : span_(span), finish_reason_(finish_reason)
    {
        noveum_message_begin(span_, direction, role.get());
    }
    message(const message &) = delete;
    message &operator=(const message &) = delete;
    ~message()
    {
        noveum_message_end(span_, finish_reason_.get());
    }
    message &say(text content) noexcept
    {
        noveum_part_text(span_, content.get(), content.size());
        return *this;
    }
    message &reasoning(text content) noexcept
    {
        noveum_part_reasoning(span_, content.get(), content.size());
        return *this;
    }
    message &tool_call(name id, name tool, text arguments) noexcept
    {
        noveum_part_tool_call(span_, id.get(), tool.get(), arguments.get(), arguments.size());
        return *this;
    }
    message &tool_result(name id, text result) noexcept
    {
        noveum_part_tool_result(span_, id.get(), result.get(), result.size());
        return *this;
    }
    message &uri(name modality, name mime_type, name address) noexcept
    {
        noveum_part_uri(span_, modality.get(), mime_type.get(), address.get());
        return *this;
    }
    message &blob(name modality, name mime_type, const void *bytes, std::size_t length) noexcept
    {
        noveum_part_blob(span_, modality.get(), mime_type.get(), bytes, length);
        return *this;
    }

  private:
    noveum_span span_;
    name finish_reason_; /* a literal, or lives as long as the message */
};

/* ---- kinds ------------------------------------------------------------------------------- */

/* A call of a model: also one that comes from a span that was begun in another way,
 * llm(span::below(...)). */
class llm : public span
{
  public:
    llm(name provider, name model) noexcept : span(NOVEUM_LLM)
    {
        noveum_llm(*this, provider.get(), model.get());
    }
    explicit llm(span &&begun) noexcept : span(std::move(begun)) {}
    llm &model(name provider, name called) noexcept
    {
        noveum_llm(*this, provider.get(), called.get());
        return *this;
    }
    llm &instructions(text content) noexcept
    {
        noveum_message(*this, NOVEUM_INSTRUCTIONS, nullptr, content.get(), content.size());
        return *this;
    }
    llm &input(name role, text content) noexcept
    {
        noveum_message(*this, NOVEUM_INPUT, role.get(), content.get(), content.size());
        return *this;
    }
    llm &output(text content, name finish_reason = nullptr) noexcept
    {
        message(*this, NOVEUM_OUTPUT, "assistant", finish_reason).say(content);
        return *this;
    }
    llm &offers(name tool, name description = nullptr, name parameters = nullptr) noexcept
    {
        noveum_llm_tool(*this, tool.get(), description.get(), parameters.get());
        return *this;
    }
    llm &response(name id, name model, name finish_reason = nullptr) noexcept
    {
        noveum_llm_response(*this, id.get(), model.get(), finish_reason.get());
        return *this;
    }
    llm &usage(std::int64_t input, std::int64_t output) noexcept
    {
        noveum_llm_usage(*this, input, output);
        return *this;
    }
    llm &usage_cached(std::int64_t read, std::int64_t written) noexcept
    {
        noveum_llm_usage_cached(*this, read, written);
        return *this;
    }
    llm &usage_reasoning(std::int64_t reasoning) noexcept
    {
        noveum_llm_usage_reasoning(*this, reasoning);
        return *this;
    }
    llm &cost(double amount, name currency = nullptr) noexcept
    {
        noveum_llm_cost(*this, amount, currency.get());
        return *this;
    }
    llm &chunk(std::uint32_t tokens = 0) noexcept
    {
        noveum_chunk(*this, tokens);
        return *this;
    }
    llm &first_token_at(std::uint64_t time_ns) noexcept
    {
        noveum_first_token_at(*this, time_ns);
        return *this;
    }
    llm &abandoned(name reason = nullptr) noexcept
    {
        noveum_stream_abandoned(*this, reason.get());
        return *this;
    }
};

class agent : public span
{
  public:
    explicit agent(name called, name id = nullptr, name description = nullptr) noexcept
        : span(NOVEUM_AGENT)
    {
        noveum_agent(*this, id.get(), called.get(), description.get());
    }
    explicit agent(span &&begun) noexcept : span(std::move(begun)) {}
};

class tool : public span
{
  public:
    explicit tool(name called, name call_id = nullptr, name type = "function") noexcept
        : span(NOVEUM_TOOL)
    {
        noveum_tool(*this, called.get(), call_id.get(), type.get());
    }
    explicit tool(span &&begun) noexcept : span(std::move(begun)) {}
    tool &arguments(text given) noexcept
    {
        noveum_tool_arguments(*this, given.get(), given.size());
        return *this;
    }
    tool &result(text gave) noexcept
    {
        noveum_tool_result(*this, gave.get(), gave.size());
        return *this;
    }
};

class retrieval : public span
{
  public:
    explicit retrieval(name source, name query = nullptr, std::int64_t top_k = 0) noexcept
        : span(NOVEUM_RETRIEVAL)
    {
        noveum_retrieval(*this, source.get(), query.get(), top_k);
    }
    explicit retrieval(span &&begun) noexcept : span(std::move(begun)) {}
    retrieval &document(name id, double score, text content = nullptr) noexcept
    {
        noveum_document(*this, id.get(), score, content.get(), content.size());
        return *this;
    }
};

class embedding : public span
{
  public:
    embedding(name provider, name model, std::int64_t dimensions = 0) noexcept
        : span(NOVEUM_EMBEDDING)
    {
        noveum_embedding(*this, provider.get(), model.get(), dimensions);
    }
    explicit embedding(span &&begun) noexcept : span(std::move(begun)) {}
};

class workflow : public span
{
  public:
    explicit workflow(name called) noexcept : span(NOVEUM_WORKFLOW)
    {
        noveum_workflow(*this, called.get());
    }
    explicit workflow(span &&begun) noexcept : span(std::move(begun)) {}
};

/* ---- context across processes ------------------------------------------------------------ */

/* The headers' value; empty where the span has no context: then send no header. */
class traceparent
{
  public:
    explicit traceparent(noveum_span span) noexcept : length_(noveum_traceparent(span, text_))
    {
    }
    std::string_view view() const noexcept
    {
        return {text_, length_};
    }
    const char *c_str() const noexcept
    {
        return text_;
    }

  private:
    char text_[NOVEUM_TRACEPARENT_SIZE];
    std::size_t length_;
};

/* Reads the headers' values; one that is wrong gives a context that begins a new trace. */
inline noveum_context parse_traceparent(name parent, name state = nullptr) noexcept
{
    noveum_context made;
    (void)noveum_parse_traceparent(parent.get(), state.get(), &made);
    return made;
}

} // namespace noveum

#endif
