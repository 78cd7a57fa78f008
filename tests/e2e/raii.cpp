/*
 * What noveum/trace.hpp promises, by a program that makes one trace of spans which were moved,
 * left by exceptions, ended in another thread. test_trace_languages.py reads the trace.
 */
#include <noveum/trace.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace
{

static_assert(!std::is_copy_constructible_v<noveum::span>);
static_assert(std::is_nothrow_move_constructible_v<noveum::llm>);
static_assert(std::is_nothrow_move_assignable_v<noveum::span>);
static_assert(noexcept(std::declval<noveum::llm &>().input("user", "x").set("k", 1)));
static_assert(sizeof(noveum::span) <= 16);

struct refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void leave_by_exceptions()
{
    try {
        noveum::span left(NOVEUM_FUNCTION, "left");
        throw 7;
    } catch (int) {
    }
    try {
        noveum::tool told("told");
        told.run([](auto &) -> int { throw refused("no stock"); });
    } catch (const refused &) {
    }
    try {
        noveum::span odd(NOVEUM_FUNCTION, "odd");
        odd.run([](auto &) { throw std::string("text"); });
    } catch (const std::string &) {
    }
    try {
        throw refused("handled");
    } catch (const refused &thrown) {
        noveum::span handled(NOVEUM_FUNCTION, "handled");
        handled.error(thrown);
        noveum::span calm(NOVEUM_FUNCTION, "calm"); /* an exception that is over is no error */
    }
}

noveum::span make(noveum_span parent)
{
    return noveum::span::below(parent, NOVEUM_FUNCTION, "moved");
}

void move_about(noveum_span parent)
{
    std::vector<noveum::span> kept;
    kept.push_back(make(parent));
    noveum::span second = std::move(kept.back());
    kept.clear(); /* a span that was moved from ends nothing */
    second.set("alive", true).set("big", ~std::uint64_t(0)).set("ratio", 0.5f);
    second.set("view", std::string_view("cut here", 3)).set("none", nullptr);
    std::thread([worker = std::move(second)]() mutable { worker.event("elsewhere"); }).join();
}

void other_kinds()
{
    noveum::retrieval("docs", "orders", 3).document("d1", 0.9, "Order 7");
    noveum::embedding("openai", "text-embedding-3-small", 1536);
    noveum::workflow flow("support");
    noveum::llm call("openai", "gpt-4o");
    call.instructions("Be brief.").offers("get_order").usage_cached(3, 1).usage_reasoning(2);
    call.abandoned().usage(9, 4).cost(0.001);
    noveum::message(call, NOVEUM_INPUT, "user")
        .say("see")
        .uri("image", "image/png", "http://x/y");
}

} // namespace

int main()
{
    noveum::tracer tracer;
    noveum::tracer second; /* is not the one that ends it */
    if (tracer.result() != NOVEUM_OK || second.result() != NOVEUM_BUSY)
        return 2;
    {
        noveum::span root(NOVEUM_FUNCTION, "root");
        root.tags({"a", "b"}).user("u-1").session("s-1").set({noveum_int("n", 1)});
        leave_by_exceptions();
        move_about(root);
        other_kinds();
        noveum::traceparent header(root);
        auto remote = noveum::parse_traceparent(header.c_str());
        noveum::span::remote(remote, NOVEUM_FUNCTION, "remote").ok();
        auto now = std::chrono::steady_clock::now();
        root.step("phase", noveum::nanoseconds(now - std::chrono::milliseconds(5)),
                  noveum::nanoseconds(now));
        noveum::span::below(root, NOVEUM_FUNCTION, "discarded").discard();
        noveum::span none;
        none.set("k", 1).error("x");
        if (none || !header.view().size() || noveum::current().id != root.handle().id)
            return 3;
    }
    noveum::tracer::flush(10000);
    auto counters = noveum::counters();
    return counters.misuse == 0 && counters.open == 0 && noveum::enabled() ? 0 : 4;
}
