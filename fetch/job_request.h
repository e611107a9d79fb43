/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one request of a job that brings the blob from some byte on: what is asked for, where the
 * bytes go, and what its end means. See fetch/job.h.
 *
 * Source: RFC 9110, 13.1.5 "If-Range", 14 "Range Requests", 15.5.17 "416 Range Not Satisfiable".
 */
#ifndef IMGC_FETCH_JOB_REQUEST_H
#define IMGC_FETCH_JOB_REQUEST_H

#include "fetch/job.h"

/** Ask for what is missing, unless it is too early or nothing is; in several requests where there
 * are gaps. @return 0; as registry_start(). */
IMGC_CHECK int job_request_rest(struct job *j, struct imgc_err *reterr);

/** Fetch what is missing from the cell of byte @from on in several requests. @return 0; -NOMEM. */
IMGC_CHECK int job_request_parts(struct job *j, uint64_t from, struct imgc_err *reterr);

/** The request has ended: with all that was asked for, to be followed by another one, or for good.
 * @return 0; -DIGEST where more or fewer bytes came than the manifest says; as registry_judge(). */
IMGC_CHECK int job_request_over(struct job *j, struct imgc_err *reterr);

/** Write what came into the file: @all of it, or what is worth a call. */
void job_request_flush(struct job *j, bool all);

/** The disk takes no more, or is not to: what is in the file stays there, the rest goes through
 * memory. */
void job_request_leave_file(struct job *j);

/** End the request. What came and is not in the file is lost. */
void job_request_drop(struct job *j);

#endif
