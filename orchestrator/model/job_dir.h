/* The names inside a job directory, <data>/jobs/<id>-<attempt>/: the contract between the server
 * and whoever runs the job. Owns nothing.
 *
 * Who writes what, and what it proves, is said beside each name. A name that is not here is private
 * to the side that made it. */
#pragma once

#define JOB_FILE_SPEC	       "job.json" /* server, before anything else: what to do */
#define JOB_FILE_SECRETS       "secrets"  /* server, 0600, a list: read once and unlinked */
#define JOB_FILE_LOCK	       "lock"	  /* flock while it lives; the pid, and why it gave up */
#define JOB_FILE_VOID	       "void"	  /* server, under the lock: this attempt may never begin */
#define JOB_FILE_STARTED       "started" /* supervisor, durable before the first effect of an apply */
#define JOB_FILE_CANCEL	       "cancel" /* server: stop; the supervisor is told by SIGUSR1 too */
#define JOB_FILE_EVENTS	       "events.ndjson" /* supervisor: {"step":"plan","at_ms":...} per line */
#define JOB_FILE_OUTPUT	       "output.log" /* supervisor: all that was printed, masked, growing */
#define JOB_FILE_RENDERED_BASE "rendered-base.yaml" /* supervisor: what a build printed, whole */
#define JOB_FILE_RENDERED_HEAD "rendered-head.yaml" /* and not masked; empty: there was nothing */
#define JOB_FILE_RESULT	       "result.json" /* supervisor, by rename: the only truth about the end */

#define PROVIDER_RECORD "hashes.json" /* of a version in the store of providers */

enum { JOB_LAST_WORD_MAX = 512 }; /* of what is in the lock */
