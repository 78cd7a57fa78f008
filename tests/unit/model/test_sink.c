/*
 * States of a sink: each has words of its own.
 */
#include "expect.h"

#include "model/sink.h"

#include "base/banned.h"

START_TEST(states_are_told_apart)
{
    for (int i = 0; i <= NV_SINK_STOPPED; i++) {
        for (int k = 0; k < i; k++) {
            ck_assert_str_ne(nv_sink_state_text((enum nv_sink_state)i),
                             nv_sink_state_text((enum nv_sink_state)k));
        }
    }
    ck_assert_str_eq(nv_sink_state_text(NV_SINK_SENDING), "sending");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/sink");
    TCase *tcase = tcase_create("sink");
    tcase_add_test(tcase, states_are_told_apart);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
