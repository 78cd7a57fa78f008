/*
 * A key and a value; commas and colons are the writer's.
 *
 * Keys are C strings because those who write by hand have them as literals. What is not known
 * is null and never a number: zero is a value that a reader may add up.
 */
#include "base/json/json_member.h"

#include "base/banned.h"

void nv_json_put_text(struct nv_json_writer *json, const char *key, struct nv_str text)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_string(json, text);
}

void nv_json_put_uint(struct nv_json_writer *json, const char *key, uint64_t value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_uint(json, value);
}

void nv_json_put_bool(struct nv_json_writer *json, const char *key, bool value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_bool(json, value);
}

void nv_json_put_known(struct nv_json_writer *json, const char *key, double value)
{
    nv_json_write_key(json, nv_str_from(key));
    if (value < 0)
        nv_json_write_null(json);
    else
        nv_json_write_double(json, value);
}
