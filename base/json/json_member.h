/*
 * Members of an object in one call each: a key, and its value.
 *
 * For what is written by hand, with keys that stand in the source. Errors are the buffer's, as
 * of json_write.h.
 */
#ifndef NV_BASE_JSON_JSON_MEMBER_H
#define NV_BASE_JSON_JSON_MEMBER_H

#include "base/json/json_write.h"

/* Writes `"key":"text"`; any bytes, as nv_json_write_string. */
void nv_json_put_text(struct nv_json_writer *json, const char *key, struct nv_str text);
/* Writes `"key":7`. */
void nv_json_put_uint(struct nv_json_writer *json, const char *key, uint64_t value);
/* Writes `"key":true`. */
void nv_json_put_bool(struct nv_json_writer *json, const char *key, bool value);
/* Writes `"key":1.5`, as nv_json_write_double, or null for a value below zero, which stands for
 * one that is not known. */
void nv_json_put_known(struct nv_json_writer *json, const char *key, double value);

#endif
