/* Starts jobs, sees them end, finds them again after a restart.
 *
 * A job as seen from here:
 *
 *     start()            MINTING --- its credentials are made ---> ASKED
 *     or at once         ASKED --- the launcher answers ---> RUNNING --- its process ends ---> told
 *     recover(): the lock is held                            RUNNING ----------'
 *     recover(): a result is there                                                            told
 *
 * What a process did is never taken from its exit state: the result file says how a job ended, and
 * where there is none and nothing lives any more, nobody knows. The lock tells what lives; it is
 * held by the supervisor and by the first process of its sandbox, so a supervisor that was killed
 * leaves a job that is alive until its tools are gone. */
#include "runners/executor_local.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/list.h"
#include "orchestrator/lib/secrets.h"
#include "orchestrator/model/job_dir.h"
#include "runners/executor_credentials.h"
#include "runners/executor_evidence.h"
#include "runners/executor_folders.h"
#include "runners/executor_launcher.h"
#include "runners/executor_secrets.h"
#include "runners/executor_settings.h"
#include "runners/executor_slots.h"
#include "runners/executor_steps.h"
#include "runners/executor_sweep.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { TICK_MS = 1000, STEPS_MS = 50, NAME_ROOM = 48 };

enum watch_state { WATCH_MINTING = 1, WATCH_ASKED, WATCH_RUNNING, WATCH_ORPHANED, WATCH_ENDED };

struct watch { /* one job that is not told yet */
	struct list link;
	struct slot_user slot;
	struct executor_local *executor;
	struct job_id job;
	int attempt;
	enum watch_state state;
	int pidfd;
	struct loop_poll *poll;
	struct loop_watch *events_file;
	int64_t events_read;
	bool has_waited;	    /* for an end that could not be seen, and it was said */
	bool has_new;		    /* the supervisor's start has not been told */
	struct minting *minting;    /* credentials are being made for it */
	struct job_secrets secrets; /* until they are written */
};

struct executor_local {
	struct executor port;
	struct loop *loop;
	struct executor_events events;
	void (*notice)(void *owner, const char *text);
	void (*unfit)(void *owner, const char *text);
	void *notice_owner;
	char *data_dir;
	int jobs_fd;
	struct issuer *issuer; /* borrowed, or NULL */
	struct list watches;
	struct slots slots;
	struct loop_timer *tick;  /* live steps that no file event told, orphans */
	struct loop_timer *steps; /* file events told of some */
	bool steps_wait;
	struct loop_timer *soon; /* ends that are known and must be told in a later turn */

	struct launcher_link *launcher;
	struct sweeper *sweeper;
	unsigned trashed;
};

static struct executor_local *local_of(struct executor *executor)
{
	return container_of(executor, struct executor_local, port);
}

static const char *name_of(struct job_id job, int attempt, char buf[NAME_ROOM])
{
	snprintf(buf, NAME_ROOM, "%lld-%d", (long long)job.v, attempt);
	return buf;
}

static void tell(const struct executor_local *executor, const char *text)
{
	if (executor->notice != NULL)
		executor->notice(executor->notice_owner, text);
}

static struct watch *watch_find(
	const struct executor_local *executor, struct job_id job, int attempt)
{
	list_for_each (item, &executor->watches) {
		struct watch *watch = container_of(item, struct watch, link);

		if (watch->job.v == job.v && watch->attempt == attempt)
			return watch;
	}
	return NULL;
}

/* What was not asked for just now runs already, and has a slot. */
static struct watch *watch_new(
	struct executor_local *executor, struct job_id job, int attempt, enum watch_state state)
{
	struct watch *watch = mem_alloc(sizeof(*watch));

	watch->executor = executor;
	watch->job = job;
	watch->attempt = attempt;
	watch->state = state;
	watch->pidfd = -1;
	slot_join(&executor->slots, &watch->slot, state > WATCH_ASKED);
	if (list_empty(&executor->watches))
		loop_timer_arm(executor->tick, TICK_MS);
	list_append(&executor->watches, &watch->link);
	return watch;
}

static void watch_free(struct watch *watch)
{
	list_remove(&watch->link);
	slot_leave(&watch->slot);
	minting_free(watch->minting);
	job_secrets_release(&watch->secrets);
	loop_poll_free(watch->poll);
	loop_watch_free(watch->events_file);
	fd_closep(&watch->pidfd);
	free(watch);
}

/* ---- folders ---- */

/* Somebody may have removed the folder of all jobs, or one, by hand. */
static int make_job_folder(struct executor_local *executor, const char *name, struct err *err)
{
	int r = mkdirat(executor->jobs_fd, name, 0700);

	if (r < 0 && errno == ENOENT) {
		if (executor_folders_make(executor->data_dir, &executor->jobs_fd, err) < 0)
			return -(int)err->code;
		r = mkdirat(executor->jobs_fd, name, 0700);
	}
	if (r < 0)
		return err_sys(err, errno == EEXIST ? ERR_EXISTS : ERR_JOB, errno,
			"cannot make the directory of job %s", name);
	return 0;
}

/* ---- the end of a job ---- */

static int open_job(const struct executor_local *executor, struct job_id job, int attempt)
{
	char name[NAME_ROOM];

	return openat(executor->jobs_fd, name_of(job, attempt, name),
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* People may wait for an end that cannot be seen: they are told once why. */
static void tell_wait(struct watch *watch, const struct err *err)
{
	char text[640], name[NAME_ROOM];

	if (watch->has_waited)
		return;
	watch->has_waited = true;
	snprintf(text, sizeof(text),
		"how job %s ended cannot be seen yet, and is looked at again: %s",
		name_of(watch->job, watch->attempt, name), err->text);
	tell(watch->executor, text);
}

/* What cannot be looked at now is not gone: it is looked at again. */
static bool may_be_alive(struct watch *watch)
{
	_cleanup_fd_ int dir = open_job(watch->executor, watch->job, watch->attempt), lock = -1;
	struct err err;

	if (dir < 0)
		return errno != ENOENT && errno != ENOTDIR;
	if (evidence_try_lock(dir, &lock, &err) == 0)
		return lock < 0;
	if (err.class != ERR_CLASS_TEMP)
		return false;
	tell_wait(watch, &err);
	return true;
}

/* Takes the watch away and tells. Nothing of the watch may be used afterwards. */
static void watch_tell_end(struct watch *watch, const struct job_result *result)
{
	struct executor_events events = watch->executor->events;
	struct job_id job = watch->job;
	int attempt = watch->attempt;

	watch_free(watch);
	if (events.ended != NULL)
		events.ended(events.owner, job, attempt, result);
}

/* How it ended, as far as its directory says; an error only when that cannot be read now. */
static int find_end(
	const struct watch *watch, struct arena *arena, struct job_result *ret, struct err *err)
{
	_cleanup_fd_ int dir = open_job(watch->executor, watch->job, watch->attempt);
	char text[640], name[NAME_ROOM];
	struct err why;
	int r;

	if (dir < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(err, ERR_JOB, errno, "cannot open the job directory");
	r = evidence_end(dir, arena, ret, &why, err);
	if (r == 0 && why.code != 0) {
		snprintf(text, sizeof(text), "job %s ended without a result: %s",
			name_of(watch->job, watch->attempt, name), why.text);
		tell(watch->executor, text);
	}
	return r;
}

/* Its process is gone and nothing of it lives. */
static void watch_end(struct watch *watch)
{
	struct job_result result = { 0 };
	struct arena arena = { 0 };
	struct err err;

	if (find_end(watch, &arena, &result, &err) == 0) {
		watch_tell_end(watch, &result);
	} else {
		watch->state = WATCH_ORPHANED; /* the tick looks again */
		tell_wait(watch, &err);
	}
	job_result_release(&result);
	arena_release(&arena);
}

static void on_process_end(void *owner, _unused_ bool readable, _unused_ bool writable)
{
	struct watch *watch = owner;

	loop_poll_free(watch->poll);
	watch->poll = NULL;
	fd_closep(&watch->pidfd);
	/* A supervisor that was killed may have left its tools at work. */
	if (may_be_alive(watch))
		watch->state = WATCH_ORPHANED;
	else
		watch_end(watch);
}

/* Most steps of most jobs are over in a moment, and then nobody needs to hear of them. */
static void on_events_file(void *owner)
{
	struct executor_local *executor = ((struct watch *)owner)->executor;

	if (!executor->steps_wait)
		loop_timer_arm(executor->steps, STEPS_MS);
	executor->steps_wait = true;
}

static void watch_events(struct watch *watch)
{
	char name[NAME_ROOM];
	_cleanup_free_ char *path = mem_printf("%s/jobs/%s/" JOB_FILE_EVENTS,
		watch->executor->data_dir, name_of(watch->job, watch->attempt, name));
	struct err ignored; /* then the timer sees the steps */

	if (loop_watch_new(watch->executor->loop, path, on_events_file, watch, &watch->events_file,
		    &ignored) < 0)
		watch->events_file = NULL;
}

static void watch_process(struct watch *watch, int pidfd)
{
	watch->state = WATCH_RUNNING;
	watch->pidfd = pidfd;
	watch->poll = loop_poll_new(watch->executor->loop, pidfd, on_process_end, watch);
	loop_poll_want(watch->poll, true, false);
	watch_events(watch);
}

/* ---- live state ---- */

static void tell_step(void *owner, const char *step)
{
	const struct watch *watch = owner;
	const struct executor_events *events = &watch->executor->events;

	if (events->step != NULL)
		events->step(events->owner, watch->job, watch->attempt, step);
}

static void read_events(struct watch *watch)
{
	_cleanup_fd_ int dir = open_job(watch->executor, watch->job, watch->attempt);

	if (dir >= 0)
		watch->events_read = executor_steps_read(dir, watch->events_read, tell_step, watch);
}

static void on_steps(void *owner)
{
	struct executor_local *executor = owner;

	executor->steps_wait = false;
	list_for_each (item, &executor->watches) {
		struct watch *watch = container_of(item, struct watch, link);

		if (watch->state == WATCH_RUNNING || watch->state == WATCH_ORPHANED)
			read_events(watch);
	}
}

static void on_tick(void *owner)
{
	struct executor_local *executor = owner;

	on_steps(executor);
	list_for_each (item, &executor->watches) {
		struct watch *watch = container_of(item, struct watch, link);

		if (watch->state == WATCH_ORPHANED && !may_be_alive(watch)) {
			watch_end(watch);
			break; /* the call-back may have changed the list; the others wait a tick */
		}
	}
	if (!list_empty(&executor->watches))
		loop_timer_arm(executor->tick, TICK_MS);
}

static void on_soon(void *owner)
{
	struct executor_local *executor = owner;

	list_for_each (item, &executor->watches) {
		struct watch *watch = container_of(item, struct watch, link);

		if (watch->state != WATCH_ENDED)
			continue;
		watch_end(watch);
		loop_timer_arm(executor->soon, 0);
		return;
	}
}

/* ---- the launcher ---- */

static void on_started(struct executor_local *executor, const char *name, int *pidfd, int *line)
{
	const struct executor_events events = executor->events;
	long long job = 0;
	int attempt = 0;
	struct watch *watch;

	if (sscanf(name, "%lld-%d", &job, &attempt) != 2)
		return;
	watch = watch_find(executor, (struct job_id){ job }, attempt);
	if (watch == NULL || watch->state != WATCH_ASKED)
		return;
	if (*pidfd < 0) /* there was no number left for it: the lock tells as well */
		watch->state = WATCH_ORPHANED;
	else
		watch_process(watch, steal_fd(pidfd));
	slot_connect(&watch->slot, steal_fd(line));
	if (events.started != NULL)
		events.started(events.owner, (struct job_id){ job }, attempt);
}

static void end_unstarted(struct watch *watch, enum job_outcome outcome, const char *why)
{
	struct job_result result = { .outcome = outcome,
		.step = "launcher",
		.failure = why,
		.output = "",
		.plan_blob = "",
		.log_blob = "" };

	watch_tell_end(watch, &result);
}

static void on_failed(struct executor_local *executor, const char *name, const char *why)
{
	_cleanup_free_ char *text = mem_printf("the job could not be started: %s", why);
	long long job = 0;
	int attempt = 0;
	struct watch *watch;

	if (sscanf(name, "%lld-%d", &job, &attempt) != 2)
		return;
	watch = watch_find(executor, (struct job_id){ job }, attempt);
	if (watch != NULL && watch->state == WATCH_ASKED)
		end_unstarted(watch, OUTCOME_SETUP_FAILED, text);
}

static void on_refused(struct executor_local *executor, const char *why)
{
	if (executor->unfit != NULL)
		executor->unfit(executor->notice_owner, why);
	else
		tell(executor, why);
}

static void on_answer(void *owner, const json_t *packet, int *pidfd, int *line)
{
	const char *started = json_string_value(json_object_get(packet, "started"));
	const char *failed = json_string_value(json_object_get(packet, "failed"));
	const char *why = json_string_value(json_object_get(packet, "error"));
	const char *refused = json_string_value(json_object_get(packet, "refused"));

	if (refused != NULL)
		on_refused(owner, refused);
	if (started != NULL)
		on_started(owner, started, pidfd, line);
	if (failed != NULL)
		on_failed(owner, failed, why == NULL ? "" : why);
}

/* Requests it never answered: some may have been forked all the same. The directory says. */
static void on_launcher_gone(void *owner)
{
	struct executor_local *executor = owner;
	enum job_evidence evidence;
	bool again = true;
	struct err err;

	while (again) {
		again = false;
		list_for_each (item, &executor->watches) {
			struct watch *watch = container_of(item, struct watch, link);
			struct job_id job = watch->job;
			int attempt = watch->attempt;

			if (watch->state != WATCH_ASKED)
				continue;
			watch_free(watch);
			again = true;
			if (executor->port.recover(&executor->port, job, attempt, &evidence, &err) <
				0)
				evidence = EVIDENCE_STARTED;
			if (evidence == EVIDENCE_ALIVE || evidence == EVIDENCE_ENDED)
				break;
			watch = watch_new(executor, job, attempt, WATCH_ENDED);
			if (evidence == EVIDENCE_STARTED)
				loop_timer_arm(executor->soon, 0);
			else
				end_unstarted(watch, OUTCOME_NEVER_BEGAN,
					"the launcher died before it could start the job");
			break;
		}
	}
}

static void on_notice(void *owner, const char *text)
{
	tell(owner, text);
}

/* ---- the port ---- */

static void local_listen(struct executor *port, const struct executor_events *events)
{
	local_of(port)->events = *events;
}

static void local_set_slots(struct executor *port, int slots)
{
	slots_set(&local_of(port)->slots, slots);
}

static enum job_phase local_phase(struct executor *port, struct job_id job, int attempt)
{
	const struct watch *watch = watch_find(local_of(port), job, attempt);

	return slot_phase(watch == NULL ? NULL : &watch->slot);
}

/*~ 11. The order becomes a folder with job.json. From here to the result, server and job share
 * nothing but that folder. */
/* The order, and the file of steps, so that it can be watched from the first line on. */
static int fill_job(int dir, const struct job_spec *spec, struct err *err)
{
	_cleanup_json_ json_t *json = job_spec_write(spec);
	_cleanup_fd_ int events = openat(
		dir, JOB_FILE_EVENTS, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (events < 0)
		return err_sys(err, ERR_JOB, errno, "cannot make the events of the job");
	return jsonx_write_at(dir, JOB_FILE_SPEC, json, false, err);
}

/* Its secrets are known: they wait in its folder, and the launcher is asked. */
static int hand_over(struct watch *watch, int dir, struct err *err)
{
	_cleanup_json_ json_t *request = NULL;
	char name[NAME_ROOM];
	int r = executor_write_secrets(dir, watch->job.v, &watch->secrets, err);

	job_secrets_release(&watch->secrets);
	if (r < 0)
		return r;
	watch->state = WATCH_ASKED;
	request = json_pack("{s:s}", "start", name_of(watch->job, watch->attempt, name));
	launcher_link_send(watch->executor->launcher, request);
	return 0;
}

static void on_minted(void *owner, const char *said, const struct err *err)
{
	struct watch *watch = owner;
	_cleanup_fd_ int dir = open_job(watch->executor, watch->job, watch->attempt);
	_cleanup_free_ char *text = NULL;
	struct err other;

	if (!str_empty(said)) {
		_cleanup_free_ char *notice = mem_printf(
			"the program for the credentials of job %lld said: %s",
			(long long)watch->job.v, said);

		tell(watch->executor, notice);
	}
	if (err == NULL && dir < 0) {
		err_sys(&other, ERR_JOB, errno, "cannot open the directory of the job");
		err = &other;
	}
	if (err == NULL && hand_over(watch, dir, &other) < 0)
		err = &other;
	minting_free(watch->minting);
	watch->minting = NULL;
	if (err == NULL)
		return;
	text = mem_printf("the job has no credentials: %s", err->text);
	end_unstarted(watch, OUTCOME_SETUP_FAILED, text);
}

/* With everything that needs nobody else, or with a program of the operator at work. */
static int give_secrets(struct watch *watch, const struct job_spec *spec, int dir, struct err *err)
{
	struct executor_local *executor = watch->executor;
	int r = credentials_collect(spec, executor->issuer, &clock_system, &watch->secrets, err);

	if (r == 0)
		r = minting_start(executor->loop, spec, &watch->secrets, on_minted, watch,
			&watch->minting, err);
	return r < 0 || watch->minting != NULL ? r : hand_over(watch, dir, err);
}

static int local_start(struct executor *port, const struct job_spec *spec, struct err *err)
{
	struct executor_local *executor = local_of(port);
	struct watch *watch = NULL;
	char name[NAME_ROOM];
	_cleanup_fd_ int dir = -1;
	int r;

	name_of(spec->job, spec->attempt, name);
	r = make_job_folder(executor, name, err);
	if (r < 0)
		return r;
	dir = open_job(executor, spec->job, spec->attempt);
	r = dir < 0 ? err_sys(err, ERR_JOB, errno, "cannot open the directory of job %s", name)
		    : fill_job(dir, spec, err);
	if (r == 0) {
		watch = watch_new(executor, spec->job, spec->attempt, WATCH_MINTING);
		if (job_repeat_class(spec->op) == REPEAT_NEVER)
			slot_hold(&watch->slot);
		r = give_secrets(watch, spec, dir, err);
	}
	if (r < 0) {
		if (watch != NULL)
			watch_free(watch);
		if (dir >= 0) {
			unlinkat(dir, JOB_FILE_SPEC, 0);
			unlinkat(dir, JOB_FILE_SECRETS, 0);
			unlinkat(dir, JOB_FILE_EVENTS, 0);
		}
		unlinkat(executor->jobs_fd, name, AT_REMOVEDIR);
		secrets_return(spec->job.v);
		return r;
	}
	return 0;
}

static void local_cancel(struct executor *port, struct job_id job, int attempt)
{
	struct executor_local *executor = local_of(port);
	const struct watch *watch = watch_find(executor, job, attempt);
	_cleanup_fd_ int dir = open_job(executor, job, attempt), fd = -1;

	if (dir < 0)
		return;
	fd = openat(dir, JOB_FILE_CANCEL, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (watch != NULL && watch->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, watch->pidfd, SIGUSR1, NULL, 0);
}

/* The lock is held. By whom: the pid in it, if that process still lives and the lock is still held
 * after we have a handle on it; else by what the supervisor left. */
static void attach(struct executor_local *executor, int dir_fd, struct job_id job, int attempt)
{
	_cleanup_fd_ int lock = openat(dir_fd, JOB_FILE_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct watch *watch = watch_new(executor, job, attempt, WATCH_ORPHANED);
	char text[32] = "";
	int pidfd = -1;
	long pid = 0;

	if (lock >= 0 && pread(lock, text, sizeof(text) - 1, 0) > 0)
		pid = strtol(text, NULL, 10);
	if (pid > 1 && pid <= INT_MAX)
		pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (pidfd >= 0)
		fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	if (pidfd >= 0 && may_be_alive(watch))
		watch_process(watch, pidfd);
	else
		fd_closep(&pidfd);
}

static int find_evidence(struct executor_local *executor, int dir_fd, struct job_id job,
	int attempt, enum job_evidence *ret, struct err *err)
{
	int r = evidence_find(dir_fd, ret, err);

	if (r == 0 && *ret == EVIDENCE_ALIVE)
		attach(executor, dir_fd, job, attempt);
	if (r == 0 && *ret == EVIDENCE_ENDED) {
		watch_new(executor, job, attempt, WATCH_ENDED);
		loop_timer_arm(executor->soon, 0);
	}
	return r;
}

static int local_recover(struct executor *port, struct job_id job, int attempt,
	enum job_evidence *ret, struct err *err)
{
	struct executor_local *executor = local_of(port);
	_cleanup_fd_ int dir = -1;
	char name[NAME_ROOM];
	int r;

	if (watch_find(executor, job, attempt) != NULL) {
		*ret = EVIDENCE_ALIVE;
		return 0;
	}
	/* A directory that is not there was never made, or was removed by hand. It is made again,
	 * void: an apply that had begun cannot begin twice all the same, its plan is marked as
	 * used. */
	r = make_job_folder(executor, name_of(job, attempt, name), err);
	if (r < 0 && r != -ERR_EXISTS)
		return r;
	dir = open_job(executor, job, attempt);
	if (dir < 0)
		return err_sys(err, ERR_JOB, errno, "cannot open the directory of job %s", name);
	return find_evidence(executor, dir, job, attempt, ret, err);
}

static void remove_trashed(void *owner, const char *trashed)
{
	_cleanup_json_ json_t *request = json_pack("{s:s}", "remove", trashed);

	launcher_link_send(((struct executor_local *)owner)->launcher, request);
}

/* A new name at once, the work of removing in a child of the launcher. */
static void trash(struct executor_local *executor, const char *folder, const char *name)
{
	_cleanup_free_ char *from = mem_printf("%s/%s/%s", executor->data_dir, folder, name);
	_cleanup_free_ char *gone = mem_printf(
		"trash/%s-%d-%u", name, (int)getpid(), executor->trashed++);
	_cleanup_free_ char *to = mem_printf("%s/%s", executor->data_dir, gone);
	struct err err;

	if (rename(from, to) == 0 ||
		(executor_folders_make(executor->data_dir, &executor->jobs_fd, &err) == 0 &&
			rename(from, to) == 0))
		remove_trashed(executor, gone); /* else it is gone already */
}

static void local_forget(struct executor *port, struct job_id job, int attempt)
{
	char name[NAME_ROOM];

	secrets_return(job.v);
	trash(local_of(port), "jobs", name_of(job, attempt, name));
}

static void local_drop_tree(struct executor *port, struct repo_id repo, const char *tree)
{
	_cleanup_free_ char *trees = mem_printf("repos/%lld/trees", (long long)repo.v);
	_cleanup_free_ char *plans = mem_printf("repos/%lld/plans", (long long)repo.v);

	if (!executor_is_tree(tree))
		return;
	trash(local_of(port), trees, tree);
	trash(local_of(port), plans, tree); /* what plans of it left for their applies */
}

static bool local_has_tree(struct executor *port, struct repo_id repo, const char *tree)
{
	_cleanup_free_ char *path = mem_printf("%s/repos/%lld/trees/%s", local_of(port)->data_dir,
		(long long)repo.v, tree == NULL ? "" : tree);

	return executor_is_tree(tree) && access(path, F_OK) == 0;
}

static bool local_sweep(struct executor *port, struct sweep *sweep)
{
	return sweeper_step(local_of(port)->sweeper, sweep);
}

int executor_local_new(struct loop *loop, const struct executor_local_options *options,
	struct executor **ret, struct err *err)
{
	struct executor_local *executor = mem_alloc(sizeof(*executor));
	_cleanup_free_ char *settings = executor_settings_text(options);
	const struct launcher_events events = { .answer = on_answer,
		.gone = on_launcher_gone,
		.notice = on_notice,
		.owner = executor };
	int r;

	executor->port = (struct executor){ .start = local_start,
		.cancel = local_cancel,
		.recover = local_recover,
		.forget = local_forget,
		.drop_tree = local_drop_tree,
		.has_tree = local_has_tree,
		.sweep = local_sweep,
		.set_slots = local_set_slots,
		.phase = local_phase,
		.listen = local_listen };
	executor->loop = loop;
	executor->issuer = options->issuer;
	executor->notice = options->notice;
	executor->unfit = options->unfit;
	executor->notice_owner = options->notice_owner;
	executor->data_dir = mem_strdup(options->data_dir);
	executor->sweeper = sweeper_new(executor->data_dir, remove_trashed, executor);
	executor->jobs_fd = -1;
	list_init(&executor->watches);
	slots_init(&executor->slots, loop, &executor->events);
	executor->tick = loop_timer_new(loop, on_tick, executor);
	executor->steps = loop_timer_new(loop, on_steps, executor);
	executor->soon = loop_timer_new(loop, on_soon, executor);
	r = executor_folders_make(executor->data_dir, &executor->jobs_fd, err);
	if (r == 0)
		r = launcher_link_new(
			loop, options->program, settings, &events, &executor->launcher, err);
	if (r < 0) {
		executor_local_free(&executor->port);
		return r;
	}
	*ret = &executor->port;
	return 0;
}

int executor_local_await(struct executor *port, json_t **ret, struct err *err)
{
	return launcher_link_await(local_of(port)->launcher, ret, err);
}

void executor_local_free(struct executor *port)
{
	struct executor_local *executor = port == NULL ? NULL : local_of(port);

	if (executor == NULL)
		return;
	while (!list_empty(&executor->watches))
		watch_free(container_of(executor->watches.next, struct watch, link));
	launcher_link_free(executor->launcher);
	sweeper_free(executor->sweeper);
	loop_timer_free(executor->tick);
	loop_timer_free(executor->steps);
	loop_timer_free(executor->soon);
	fd_closep(&executor->jobs_fd);
	free(executor->data_dir);
	free(executor);
}
