/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: fetch */
#include <stdint.h>
#include <stdlib.h>

#include "fetch/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t room)
{
    size_t len = strnlen(text, room);
    if (len == room) {
        abort(); /* not terminated */
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            abort(); /* a line end here would be a header of its own later */
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str headers = { (const char *)data, size };
    struct challenge c;

    challenge_choose(headers, &c);
    check_text(c.realm, sizeof c.realm);
    check_text(c.service, sizeof c.service);
    check_text(c.scope, sizeof c.scope);
    check_text(c.error, sizeof c.error);
    if (c.scheme == CHALLENGE_BEARER && c.realm[0] == '\0') {
        abort();
    }
    return 0;
}
