/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first. */
#ifndef IMGC_TESTS_LIB_UNIT_H
#define IMGC_TESTS_LIB_UNIT_H
/* cmocka.h needs these four first, in any order; keep the blank line so that sorting leaves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"

/* Fail the test with the error's message unless the call succeeded. */
#define assert_ok(call, err)                      \
    do {                                          \
        int r_ = (call);                          \
        if (r_ < 0) {                             \
            fail_msg("%s: %s", #call, (err).msg); \
        }                                         \
        assert_int_equal(r_, 0);                  \
    } while (0)

/* The call fails with this code: assert_err(call, IMGC_E_LAYER). */
#define assert_err(call, code) assert_int_equal((call), -(int)(code))
#endif
