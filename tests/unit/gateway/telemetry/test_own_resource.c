/*
 * The envelope of own telemetry: whose it is and what made it, in the fields of both requests.
 */
#include "expect.h"

#include "base/text/wire.h"
#include "gateway/telemetry/own_resource.h"
#include "model/otlp_fields.h"

#include "base/banned.h"

/* The first field `number` of a message; fails when there is none. */
static struct nv_str in(struct nv_str message, uint32_t number)
{
    struct nv_wire wire = nv_wire_read(message);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == number)
            return field.bytes;
    }
    ck_abort_msg("no field %u", number);
}

START_TEST(an_id_is_a_uuid_and_another_each_time)
{
    char one[NV_OWN_INSTANCE_BYTES], other[NV_OWN_INSTANCE_BYTES];
    nv_own_instance(one);
    nv_own_instance(other);
    ck_assert_uint_eq(strlen(one), NV_OWN_INSTANCE_BYTES - 1);
    ck_assert_str_ne(one, other);
    ck_assert(one[8] == '-' && one[13] == '-' && one[18] == '-' && one[23] == '-');
    ck_assert(one[14] == '4' && strchr("89ab", one[19]));
}
END_TEST

START_TEST(the_request_says_whose_it_is)
{
    struct nv_own_request request;
    struct nv_buf buf;
    nv_buf_init(&buf, 4096);
    nv_own_request_begin(&buf, "an-instance", &request);
    (void)nv_wire_put_bytes(&buf, NV_OTLP_SCOPE_GROUP_ITEMS, NV_STR("item"));
    ck_assert_int_eq(nv_own_request_end(&buf, &request), NV_OK);
    struct nv_str group = in(nv_buf_str(&buf), NV_OTLP_REQUEST_GROUPS);
    struct nv_str resource = in(group, NV_OTLP_RESOURCE_GROUP_RESOURCE);
    ck_assert(nv_str_find(resource, NV_STR("noveum-gateway")) != SIZE_MAX);
    ck_assert(nv_str_find(resource, NV_STR("an-instance")) != SIZE_MAX);
    struct nv_str scope = in(group, NV_OTLP_RESOURCE_GROUP_SCOPES);
    ck_assert_nv_str(in(in(scope, NV_OTLP_SCOPE_GROUP_SCOPE), NV_OTLP_SCOPE_NAME),
                     NV_OWN_SCOPE);
    ck_assert_nv_str(in(scope, NV_OTLP_SCOPE_GROUP_ITEMS), "item");
    nv_buf_release(&buf);
}
END_TEST

START_TEST(attributes)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 4096);
    nv_own_put_text(&buf, 7, "k", NV_STR("v"));
    nv_own_put_int(&buf, 9, "n", 300);
    struct nv_str text = in(nv_buf_str(&buf), 7);
    ck_assert_nv_str(in(text, NV_OTLP_PAIR_KEY), "k");
    ck_assert_nv_str(in(in(text, NV_OTLP_PAIR_VALUE), NV_OTLP_ANY_STRING), "v");
    struct nv_wire wire = nv_wire_read(in(in(nv_buf_str(&buf), 9), NV_OTLP_PAIR_VALUE));
    struct nv_wire_field field;
    ck_assert_int_eq(nv_wire_next(&wire, &field), NV_OK);
    ck_assert_uint_eq(field.number, NV_OTLP_ANY_INT);
    ck_assert_uint_eq(field.value, 300);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/telemetry/own_resource");
    TCase *tcase = tcase_create("resource");
    tcase_add_test(tcase, an_id_is_a_uuid_and_another_each_time);
    tcase_add_test(tcase, the_request_says_whose_it_is);
    tcase_add_test(tcase, attributes);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
