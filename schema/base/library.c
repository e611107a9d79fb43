/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/library.h"

#include <dlfcn.h>
#include <string.h>

static int fail(struct imgc_err *e, const char *soname)
{
    const char *why = dlerror();

    return imgc_fail(e, IMGC_E_HOST, "cannot load the library %s, is it installed? %s", soname,
                     why ? why : "");
}

int library_load(const char *soname, const struct library_symbol *symbols, void *functions,
                 struct imgc_err *reterr)
{
    /* Lazy and local, as the program's other libraries: of their hundreds of thousands of symbols,
     * counting those that they load in turn, a command calls a few. */
    void *handle = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);

    if (!handle) {
        return fail(reterr, soname);
    }
    for (const struct library_symbol *s = symbols; s->name; s++) {
        if (!dlsym(handle, s->name)) {
            return fail(reterr, soname);
        }
    }
    for (const struct library_symbol *s = symbols; s->name; s++) {
        void *address = dlsym(handle, s->name);
        memcpy((char *)functions + s->offset, &address, sizeof address);
    }
    return 0;
}
