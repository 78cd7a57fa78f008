/*
 * The table of messages against the .proto file of the tests, field by field.
 */
#include "otlp/request/schema.h"

#include "expect.h"
#include "tests/otlp.pb-c.h"

#include <ctype.h>

#include "base/banned.h"

static const struct {
    enum nv_message_id id;
    const ProtobufCMessageDescriptor *type;
} messages[] = {
    {NV_MESSAGE_TRACES_REQUEST, &otlp__traces_request__descriptor},
    {NV_MESSAGE_RESOURCE_SPANS, &otlp__resource_spans__descriptor},
    {NV_MESSAGE_SCOPE_SPANS, &otlp__scope_spans__descriptor},
    {NV_MESSAGE_LIBRARY_SPANS, &otlp__library_spans__descriptor},
    {NV_MESSAGE_SPAN, &otlp__span__descriptor},
    {NV_MESSAGE_EVENT, &otlp__event__descriptor},
    {NV_MESSAGE_LINK, &otlp__link__descriptor},
    {NV_MESSAGE_STATUS, &otlp__status__descriptor},
    {NV_MESSAGE_LOGS_REQUEST, &otlp__logs_request__descriptor},
    {NV_MESSAGE_RESOURCE_LOGS, &otlp__resource_logs__descriptor},
    {NV_MESSAGE_SCOPE_LOGS, &otlp__scope_logs__descriptor},
    {NV_MESSAGE_LIBRARY_LOGS, &otlp__library_logs__descriptor},
    {NV_MESSAGE_LOG_RECORD, &otlp__log_record__descriptor},
    {NV_MESSAGE_RESOURCE, &otlp__resource__descriptor},
    {NV_MESSAGE_ENTITY_REF, &otlp__entity_ref__descriptor},
    {NV_MESSAGE_SCOPE, &otlp__scope__descriptor},
    {NV_MESSAGE_KEY_VALUE, &otlp__key_value__descriptor},
    {NV_MESSAGE_ANY_VALUE, &otlp__any_value__descriptor},
    {NV_MESSAGE_ARRAY_VALUE, &otlp__array_value__descriptor},
    {NV_MESSAGE_KEY_VALUE_LIST, &otlp__key_value_list__descriptor},
};

static enum nv_wire_type wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return NV_WIRE_FIXED64;
    case PROTOBUF_C_TYPE_FIXED32:
        return NV_WIRE_FIXED32;
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return NV_WIRE_BYTES;
    default:
        return NV_WIRE_VARINT;
    }
}

/* "trace_id" is "traceId"? */
static bool is_camel_of(struct nv_str camel, const char *snake)
{
    for (size_t i = 0; i < camel.len; i++, snake++) {
        char want = *snake == '_' ? (char)toupper((unsigned char)*++snake) : *snake;
        if (want != camel.ptr[i])
            return false;
    }
    return *snake == '\0';
}

static enum nv_message_id id_of(const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (messages[i].type == type)
            return messages[i].id;
    }
    return NV_MESSAGE_COUNT;
}

START_TEST(fields_are_those_of_the_proto_file)
{
    const struct nv_schema *schema = nv_schema(messages[_i].id);
    const ProtobufCMessageDescriptor *type = messages[_i].type;
    unsigned known = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *want = &type->fields[i];
        const struct nv_proto_field *have = nv_schema_field(schema, want->id);
        ck_assert_msg(have != NULL, "%s.%s", type->name, want->name);
        ck_assert_msg(is_camel_of(have->name, want->name), "%s.%s", type->name, want->name);
        ck_assert_uint_eq(have->number, want->id);
        ck_assert_int_eq(have->wire, wire_of(want->type));
        ck_assert_int_eq(have->repeated, want->label == PROTOBUF_C_LABEL_REPEATED);
        ck_assert_int_eq(have->oneof, (want->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0);
        ck_assert_int_eq(have->type == NV_PROTO_MESSAGE, want->type == PROTOBUF_C_TYPE_MESSAGE);
        if (have->type == NV_PROTO_MESSAGE)
            ck_assert_int_eq(have->of, id_of(want->descriptor));
    }
    for (uint32_t slot = 0; slot < schema->slots; slot++)
        known += schema->fields[slot].number != 0;
    ck_assert_uint_eq(known, type->n_fields);
    ck_assert_ptr_null(nv_schema_field(schema, 536870911));
    ck_assert_uint_lt(schema->slots, 32); /* the transcoder keeps a bit for each */
}
END_TEST

START_TEST(enum_names)
{
    int32_t number = -1;
    ck_assert_int_eq(nv_schema_enum(NV_ENUM_SPAN_KIND, NV_STR("SPAN_KIND_CONSUMER"), &number),
                     NV_OK);
    ck_assert_int_eq(number, 5);
    ck_assert_int_eq(nv_schema_enum(NV_ENUM_STATUS_CODE, NV_STR("STATUS_CODE_ERROR"), &number),
                     NV_OK);
    ck_assert_int_eq(number, 2);
    ck_assert_int_eq(
        nv_schema_enum(NV_ENUM_SEVERITY, NV_STR("SEVERITY_NUMBER_FATAL4"), &number), NV_OK);
    ck_assert_int_eq(number, 24);
    ck_assert_int_eq(nv_schema_enum(NV_ENUM_SEVERITY, NV_STR("SEVERITY_NUMBER_INFO"), &number),
                     NV_OK);
    ck_assert_int_eq(number, 9);
    ck_assert_int_eq(nv_schema_enum(NV_ENUM_SPAN_KIND, NV_STR("span_kind_client"), &number),
                     NV_ERR_NOT_FOUND);
    ck_assert_int_eq(number, 9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/schema");
    TCase *tc = tcase_create("schema");
    tcase_add_loop_test(tc, fields_are_those_of_the_proto_file, 0,
                        (int)(sizeof messages / sizeof *messages));
    tcase_add_test(tc, enum_names);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
