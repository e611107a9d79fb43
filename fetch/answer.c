/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/answer.h"

#include <stdio.h>

#include "schema/json.h"

/* @return whether the body is an error document that says something. */
static bool text_of_json(struct imgc_str body, char out[ANSWER_TEXT_MAX])
{
    json_auto_free json_t *doc = NULL;
    const json_t *errors = NULL;
    const char *code = NULL, *message = NULL;
    struct imgc_err ignored;
    char raw[ANSWER_TEXT_MAX];

    if (body.len == 0 || json_parse(body, "error answer", &doc, &ignored) < 0 ||
        json_get_array(doc, "errors", &errors, &ignored) < 0 || json_array_size(errors) == 0) {
        return false;
    }
    const json_t *first = json_array_get(errors, 0);
    if (!json_is_object(first) || json_get_string(first, "code", &code, &ignored) < 0 ||
        json_get_string(first, "message", &message, &ignored) < 0 || (!code && !message)) {
        return false;
    }
    int n = snprintf(raw, sizeof raw, "%s%s%s", code ? code : "", code && message ? ": " : "",
                     message ? message : "");
    if (n < 0) {
        return false;
    }
    imgc_str_printable(out, ANSWER_TEXT_MAX, raw, strlen(raw));
    return true;
}

const char *answer_text(struct imgc_str body, char out[ANSWER_TEXT_MAX])
{
    if (!text_of_json(body, out)) {
        struct imgc_str begin = imgc_str_first(imgc_str_trim(body), ANSWER_TEXT_MAX - 1);
        imgc_str_printable(out, ANSWER_TEXT_MAX, begin.ptr, begin.len);
    }
    return out;
}

int answer_fail(const struct answer *a, struct imgc_err *reterr)
{
    char text[ANSWER_TEXT_MAX], said[ANSWER_TEXT_MAX + 8] = "";
    unsigned long long seconds = a->retry_after_ms / 1000;

    if (answer_text(a->body, text)[0] != '\0') {
        (void)snprintf(said, sizeof said, " (%s)", text);
    }
    switch (a->status) {
    case 401:
    case 403:
        return imgc_fail(reterr, IMGC_E_AUTH,
                         "registry '%s' refuses access to %s: it may not exist, or it needs a "
                         "login; HTTP %ld from %s%s",
                         a->registry, a->what, a->status, a->url, said);
    case 404:
        if (a->is_image) {
            return imgc_fail(reterr, IMGC_E_NOIMAGE, "no such %s in registry '%s'%s", a->what,
                             a->registry, said);
        }
        break;
    case 429:
        if (seconds > 0) {
            return imgc_fail(reterr, IMGC_E_REGISTRY,
                             "registry '%s' limits the rate and asks to come back in %llu s; "
                             "HTTP 429 from %s%s",
                             a->registry, seconds, a->url, said);
        }
        return imgc_fail(reterr, IMGC_E_REGISTRY,
                         "registry '%s' limits the rate; HTTP 429 from %s%s", a->registry, a->url,
                         said);
    default:
        break;
    }
    return imgc_fail(reterr, IMGC_E_REGISTRY, "registry '%s' does not %s %s: HTTP %ld from %s%s",
                     a->registry, a->is_sent ? "take" : "give", a->what, a->status, a->url, said);
}
