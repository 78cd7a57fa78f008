/*
 * The tree of spans: parents, siblings, rings, what is worth a line.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/view/span_tree.h"

#include "base/banned.h"

#define NONE NV_TREE_NONE

static struct nv_span spans[100];
static struct nv_trace trace;
static struct nv_span_tree tree;
static struct nv_attribute kind[] = {{NV_STR_INIT("tool.name"), {.type = NV_VALUE_NULL}}};

static struct nv_span *add(uint8_t id, uint8_t parent)
{
    struct nv_span *span = &spans[trace.span_count++];
    *span = (struct nv_span){.has_parent = parent != 0};
    span->span_id[7] = id;
    span->parent_id[7] = parent;
    return span;
}

static void add_kind(uint8_t id, uint8_t parent)
{
    add(id, parent)->attributes = (struct nv_attributes){kind, 1, 1};
}

static void make(void)
{
    ck_assert_int_eq(nv_span_tree_make(&tree, &trace), NV_OK);
}

static void begin(void)
{
    trace = (struct nv_trace){.spans = spans};
}

START_TEST(roots_and_children_in_the_order_of_the_spans)
{
    begin();
    add(2, 1);
    add(1, 0);
    add(3, 1);
    add(9, 8);
    make();
    ck_assert_uint_eq(tree.first_root, 1);
    ck_assert_uint_eq(tree.nodes[1].first_child, 0);
    ck_assert_uint_eq(tree.nodes[0].next_sibling, 2);
    ck_assert_uint_eq(tree.nodes[2].next_sibling, NONE);
    ck_assert_uint_eq(tree.nodes[1].next_sibling, 3);
    ck_assert(!tree.any_kind);
    nv_span_tree_release(&tree);
}
END_TEST

/* Each span is reached once, whatever the parents say. */
static void walk_all(void)
{
    unsigned seen[100] = {0}, count = 0;
    uint32_t stack[200], top = 0;
    for (uint32_t at = tree.first_root; at != NONE; at = tree.nodes[at].next_sibling)
        stack[top++] = at;
    while (top > 0) {
        uint32_t at = stack[--top];
        ck_assert_uint_eq(seen[at]++, 0);
        count++;
        for (uint32_t child = tree.nodes[at].first_child; child != NONE;
             child = tree.nodes[child].next_sibling)
            stack[top++] = child;
    }
    ck_assert_uint_eq(count, trace.span_count);
}

START_TEST(rings_are_opened)
{
    begin();
    add(1, 2);
    add(2, 3);
    add(3, 1);
    add(4, 1);
    add(5, 5);
    add(6, 0);
    add(6, 6);
    make();
    walk_all();
    nv_span_tree_release(&tree);
}
END_TEST

START_TEST(worth_is_what_has_a_kind_or_an_error_below_it)
{
    begin();
    add(1, 0);
    add(2, 1);
    add_kind(3, 2);
    add(4, 1);
    add(5, 4);
    add(6, 5);
    add(7, 1)->status = NV_STATUS_ERROR;
    add(8, 1);
    make();
    ck_assert(tree.any_kind);
    ck_assert(tree.nodes[0].worth && tree.nodes[1].worth && tree.nodes[2].worth);
    ck_assert(!tree.nodes[3].worth && !tree.nodes[5].worth && tree.nodes[6].worth);
    uint32_t behind = 0;
    ck_assert_uint_eq(nv_span_tree_run(&tree, 1, &behind), 0);
    ck_assert_uint_eq(behind, 1);
    ck_assert_uint_eq(nv_span_tree_run(&tree, 3, &behind), 3);
    ck_assert_uint_eq(behind, 6);
    ck_assert_uint_eq(nv_span_tree_run(&tree, 7, &behind), 1);
    ck_assert_uint_eq(behind, NONE);
    nv_span_tree_release(&tree);
}
END_TEST

START_TEST(no_span_is_a_tree_too)
{
    begin();
    make();
    ck_assert_uint_eq(tree.first_root, NONE);
    nv_span_tree_release(&tree);
}
END_TEST

START_TEST(out_of_memory)
{
    begin();
    add(1, 0);
    for (unsigned long n = 1; n <= 2; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_span_tree_make(&tree, &trace);
        ck_assert(oom_end());
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/span_tree");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, roots_and_children_in_the_order_of_the_spans);
    tcase_add_test(tcase, rings_are_opened);
    tcase_add_test(tcase, worth_is_what_has_a_kind_or_an_error_below_it);
    tcase_add_test(tcase, no_span_is_a_tree_too);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
