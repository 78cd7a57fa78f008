/*
 * Values that are no attribute of their target's name: of the trace, of the span beside its
 * attributes, members one by one.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

#define ROWS                                                                                   \
    "convention mine \"Mine\"\n"                                                               \
    "my.tags | span | | metadata.tags | array | 50 |\n"                                        \
    "my.labels | span | | metadata.tags | json | 50 |\n"                                       \
    "my.meta | span | | metadata.custom_attributes.{*} | spread | 50 |\n"                      \
    "my.meta.{*} | span | | metadata.custom_attributes.{*} | copy | 50 |\n"                    \
    "my.out | span | | my.member.{*} | spread | 50 |\n"                                        \
    "my.each.{*} | span | | my.one.{*} | copy | 50 |\n"                                        \
    "my.name | span | | span.name | text | 50 |\n"                                             \
    "my.status | span | | span.status | text | 50 |\n"                                         \
    "my.why | span | | span.status_message | text | 50 |\n"

static struct told *told_mine(const char *spans)
{
    struct nv_mapping *mapping = told_mapping(ROWS, NULL);
    struct told *told = told_with(mapping, NULL, spans);
    nv_mapping_free(mapping);
    return told;
}

START_TEST(the_first_that_tells_the_trace_keeps_it)
{
    struct told *told = told_mine(
        "[{'name': 'a', 'id': 1, 'attributes': {'my.tags': ['x', 'y', '', 'x'], "
        "'my.meta': '{\\\"team\\\": \\\"red\\\", \\\"\\\": 1, \\\"none\\\": null}'}},"
        "{'name': 'b', 'id': 2, 'parent': 1, 'attributes': {'my.labels': '{\\\"x\\\": "
        "\\\"other\\\", \\\"z\\\": \\\"last\\\"}', 'my.meta.team': 'blue', 'my.meta.size': "
        "3}}]");
    told_member(told, NULL, "metadata.tags", "{'x': 'true', 'y': 'true', 'z': 'last'}");
    told_member(told, NULL, "metadata.custom_attributes", "{'team': 'red', 'size': 3}");
    told_free(told);
}
END_TEST

START_TEST(members_go_out_one_by_one)
{
    struct told *told =
        told_mine("[{'name': 'a', 'attributes': {'my.out': '{\\\"p\\\": 1, \\\"q\\\": "
                  "\\\"two\\\"}', 'my.each.r.s': 3}}]");
    told_is(told, "a", "my.member.p", "1");
    told_is(told, "a", "my.member.q", "'two'");
    told_is(told, "a", "my.one.r.s", "3");
    told_free(told);
}
END_TEST

START_TEST(name_and_status_of_the_span)
{
    static const struct {
        const char *said, *status;
    } cases[] = {{"ERROR", "'error'"}, {"Timeout", "'timeout'"}, {"fine", "'ok'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char spans[256];
        (void)snprintf(spans, sizeof spans,
                       "[{'name': 'a', 'attributes': {'my.name': 'better', 'my.status': '%s', "
                       "'my.why': 'because'}}]",
                       cases[i].said);
        struct told *told = told_mine(spans);
        told_member(told, "better", "status", cases[i].status);
        told_free(told);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/place");
    TCase *tcase = tcase_create("place");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_first_that_tells_the_trace_keeps_it);
    tcase_add_test(tcase, members_go_out_one_by_one);
    tcase_add_test(tcase, name_and_status_of_the_span);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
