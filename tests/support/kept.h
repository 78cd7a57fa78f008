/*
 * Is a source's attribute still there once its span was translated?
 *
 * It is when the span has it under its own key with an equal value, masked as a secret, under a
 * documented name beside another value (KEY.source, llm.source.KEY), or when its value, or each
 * leaf of it, stands somewhere below the namespaces that the backend shows.
 */
#ifndef NV_TESTS_SUPPORT_KEPT_H
#define NV_TESTS_SUPPORT_KEPT_H

#include <jansson.h>
#include <stdbool.h>

/* `attributes`: those of the translated span; `key`, `value`: as its source sent them. */
bool nv_test_attribute_kept(const json_t *attributes, const char *key, const json_t *value);

#endif
