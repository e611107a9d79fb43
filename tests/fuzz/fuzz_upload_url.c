/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: fetch */
#include <stdlib.h>

#include "fetch/upload_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imgc_autobuf struct imgc_buf url = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    imgc_autobuf struct imgc_buf end = IMGC_BUF_INIT(2 * UPLOAD_URL_MAX);
    struct imgc_str text = { (const char *)data, size };
    struct imgc_err err;
    uint64_t n;

    (void)upload_url_received(text, &n);
    if (upload_url_resolve("https://r.example/v2/a/blobs/uploads/", text, &url, &err) < 0) {
        return 0;
    }
    if (strncmp(url.ptr, "https://", 8) != 0 || strpbrk(url.ptr, " \r\n#") ||
        upload_url_finish(url.ptr, "d", &end, &err) < 0) {
        abort(); /* TLS stays TLS, and it is one line of a request */
    }
    return 0;
}
