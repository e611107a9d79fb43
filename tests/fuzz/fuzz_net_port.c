/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: runtime */
/* Input: an image's EXPOSE; as -p and as kept lines, too. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/net_port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct net_port_list *list)
{
    imgc_autobuf struct imgc_buf lines = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
    imgc_autobuf struct imgc_buf shown = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
    struct imgc_str text;
    struct imgc_err err;

    if (list->n > NET_PORT_MAX) {
        abort();
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].port == 0 || list->items[i].first > list->items[i].last) {
            abort();
        }
    }
    net_port_write(list, &lines);
    imgc_buf_puts(&lines, "");
    net_port_summary(list, &shown);
    if (imgc_buf_finish(&lines, &text, &err) < 0) {
        abort(); /* they fit, whatever they are */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str s = { (const char *)data, size };
    net_port_list_auto struct net_port_list exposed = { .n = 0 }, given = { .n = 0 },
                                            kept = { .n = 0 };
    struct imgc_err err;

    (void)!net_port_expose(s, &exposed, &err);
    check(&exposed);
    (void)!net_port_parse(s, &given, &err);
    check(&given);
    if (net_port_read(s, &kept, &err) == 0) {
        check(&kept);
    }
    return 0;
}
