/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jansson adapter: parse strictly (duplicate keys, depth, size, trailing bytes), turn its errors
 * into ours, and typed getters that name the field in the error. The only users of jansson's parse
 * functions; building and dumping values may use jansson directly.
 */
#ifndef IMGC_SCHEMA_JSON_H
#define IMGC_SCHEMA_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

void json_freep(json_t **j);
#define json_auto_free imgc_auto(json_freep)

/** Parse a document, an object or an array. Refuses duplicate keys, keys that differ only in case
 * (Go decoders would take either: CVE-2021-41190's family; maps of names such as Labels excepted),
 * depth over LIMIT_JSON_DEPTH, and anything after the value. Takes time linear in the length.
 * @what  "manifest", "config"...: for the message.
 * @ret   new reference. @return 0, -DOCUMENT, -NOMEM. */
IMGC_CHECK int json_parse(struct imgc_str text, const char *what, json_t **ret,
                          struct imgc_err *reterr);

/** Getters: absent or null gives the zero value and 0; another type, or a key that is there in
 * another case only, is -DOCUMENT with the key. Strings are borrowed from @obj. */
IMGC_CHECK int json_get_string(const json_t *obj, const char *key, const char **ret,
                               struct imgc_err *reterr);
IMGC_CHECK int json_get_u64(const json_t *obj, const char *key, uint64_t *ret,
                            struct imgc_err *reterr);
IMGC_CHECK int json_get_bool(const json_t *obj, const char *key, bool *ret,
                             struct imgc_err *reterr);
IMGC_CHECK int json_get_object(const json_t *obj, const char *key, const json_t **ret,
                               struct imgc_err *reterr);
IMGC_CHECK int json_get_array(const json_t *obj, const char *key, const json_t **ret,
                              struct imgc_err *reterr);

/** A new NULL-terminated array of copies of an array of strings; *ret is NULL where it is absent.
 * @ret_n may be NULL. Free with json_strings_free(). */
IMGC_CHECK int json_get_strings(const json_t *obj, const char *key, char ***ret, size_t *ret_n,
                                struct imgc_err *reterr);
char **json_strings_free(char **strings);

/** Set a member of an object that is being built. NULL for @z or @strings leaves it out; NULL for
 * @take_value is -NOMEM, so that jansson's constructors can be passed as they are.
 * @return 0; -NOMEM; -DOCUMENT for text that is not UTF-8. */
IMGC_CHECK int json_put(json_t *obj, const char *key, json_t *take_value, struct imgc_err *reterr);
IMGC_CHECK int json_put_string(json_t *obj, const char *key, const char *z,
                               struct imgc_err *reterr);
IMGC_CHECK int json_put_strings(json_t *obj, const char *key, char *const *strings,
                                struct imgc_err *reterr);

/** Serialise deterministically (compact, keys as inserted; sorted with @sorted). @ret caller frees
 * with free(). */
IMGC_CHECK int json_dump(const json_t *j, bool sorted, char **ret, struct imgc_err *reterr);

#endif
