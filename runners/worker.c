/* Steps of a tool in a sandbox, with time-out, output cap and cancel.
 *
 * How a step is stopped:
 *
 *     SIGINT -- grace --> SIGTERM -- grace --> SIGKILL of everything in the sandbox
 *
 * SIGINT lets Terraform write its state and free its lock. An apply gets nothing after it: whatever
 * is killed then is lost for good, so a person decides. */
#include "runners/worker.h"
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/fault.h"
#include "orchestrator/model/plan_summary.h"
#include "runners/credentials.h"
#include "runners/diagnostic.h"
#include "runners/place.h"
#include "runners/sandbox/profile.h"
#include "runners/sandbox/usage.h"
#include "runners/step_env.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	WATCH_MS = 40,
	MEMORY_MS = 200,
	DISK_MS = 1000,
	CANCEL_MS = 1000, /* a cancel that came before we could be signalled */
	TAIL_MAX = 128 << 10,
	SHOW_TEXT_MAX = 32 << 20,
	SHOW_JSON_MAX = 64 << 20
};

static int64_t now_ms(void)
{
	return clock_monotonic_ms(&clock_system);
}

int worker_end(
	struct worker *worker, enum job_outcome outcome, const char *step, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	worker->result.outcome = outcome;
	worker->result.step = step;
	worker->result.failure = arena_strndup(
		&worker->arena, text, codec_utf8_prefix(text, strlen(text)));
	return -ERR_JOB;
}

int worker_end_err(
	struct worker *worker, enum job_outcome outcome, const char *step, const struct err *err)
{
	return worker_end(worker, outcome, step, "%s", err->text);
}

int worker_open(struct worker *worker, const struct site *site,
	const struct sandbox_support *support, struct job_dir *dir, struct err *err)
{
	_cleanup_free_ char *secrets = NULL;
	sigset_t wake;
	int r;

	*worker = (struct worker){
		.site = site, .support = support, .dir = dir, .wake_fd = -1, .line = -1
	};
	worker->output = (struct output){ .raw_fd = -1, .log_fd = -1, .mask = &worker->mask };
	worker->result.started_ms = clock_wall_ms(&clock_system);
	r = job_dir_spec(dir, &worker->arena, &worker->spec, err);
	if (r < 0)
		return r;
	worker->tool = tool_find(worker->spec.tool);
	if (worker->tool == NULL)
		return err_user(err, ERR_USAGE, "there is no tool \"%.80s\"", worker->spec.tool);
	r = job_dir_secrets(dir, &secrets, err);
	if (r < 0)
		return r;
	if (secrets != NULL) {
		r = credentials_read(worker, secrets, err);
		explicit_bzero(secrets, strlen(secrets));
		if (r < 0)
			return r;
	}
	r = output_open(&worker->output, dir->fd, &worker->mask, err);
	if (r < 0)
		return r;
	r = place_make_folder(worker, "out", err);
	if (r == 0 && support->tier != SANDBOX_FULL) /* there /tmp is the sandbox's own */
		r = place_make_folder(worker, "tmp", err);
	if (r < 0)
		return r;
	sigemptyset(&wake);
	sigaddset(&wake, SIGUSR1);
	sigprocmask(SIG_BLOCK, &wake, NULL);
	worker->wake_fd = signalfd(-1, &wake, SFD_CLOEXEC | SFD_NONBLOCK);
	if (worker->wake_fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot listen for a cancel");
	place_name_folders(worker);
	return 0;
}

void worker_release(struct worker *worker)
{
	worker_leave(worker);
	place_forget_render(worker);
	json_decref(worker->checked);
	json_decref(worker->policies);
	fd_closep(&worker->wake_fd);
	output_release(&worker->output);
	job_secrets_release(&worker->secrets);
	strvec_release(&worker->env);
	mask_release(&worker->mask);
	arena_release(&worker->arena);
}

void worker_leave(struct worker *worker)
{
	if (worker->is_inside) {
		sandbox_leave(&worker->box);
		credentials_forget(worker);
	}
	worker->is_inside = false;
}

/* ---- stopping ---- */

bool worker_is_cancelled(struct worker *worker)
{
	struct signalfd_siginfo info;

	while (read(worker->wake_fd, &info, sizeof(info)) > 0)
		;
	return job_dir_is_cancelled(worker->dir);
}

/* ---- slots ---- */

/* False: nobody is asked, or the server is gone. */
static bool say(const struct worker *worker, enum slot_word what)
{
	const char word = (char)what;

	return worker->line >= 0 && send(worker->line, &word, 1, MSG_NOSIGNAL) == 1;
}

/* What the server says; 0: it is gone. */
static int hear(struct worker *worker, const char *step, char *ret)
{
	struct pollfd polls[] = { { .fd = worker->line, .events = POLLIN },
		{ .fd = worker->wake_fd, .events = POLLIN } };

	while (poll(polls, 2, CANCEL_MS) <= 0 || polls[0].revents == 0)
		if (worker_is_cancelled(worker))
			return worker_end(worker, OUTCOME_CANCELLED, step,
				"cancelled; the step %s and what comes after it were not begun",
				step);
	if (recv(worker->line, ret, 1, 0) != 1)
		*ret = '\0';
	return 0;
}

int worker_take_slot(struct worker *worker, const char *step, enum slot_word ask)
{
	char word = '\0';
	int r = 0;

	if (worker->line < 0 || worker->may_run)
		return 0;
	fault_point("job.staged");
	if (say(worker, ask))
		r = hear(worker, step, &word);
	worker->may_run = word != '\0';
	worker->is_in_lane = word == SLOT_GO_IN_LANE;
	worker->is_left = r == 0 && !worker->may_run;
	return worker->may_run ? 0 : -ERR_JOB;
}

/* The slot is free before the sandbox is gone, so that the next tool need not wait for that. When
 * the server is gone nobody needs the lane. */
static int enter_lane(struct worker *worker)
{
	bool is_told = say(worker, SLOT_ASK_SHOW);
	char word;

	worker_leave(worker);
	return is_told ? hear(worker, "show", &word) : 0;
}

void worker_tell_ready(const struct worker *worker)
{
	if (worker->may_run && !say(worker, SLOT_READY))
		return; /* likewise */
}

void worker_give_slot(struct worker *worker)
{
	if (!say(worker, SLOT_BACK))
		return; /* the server is gone, and with it what it counted */
}

/* ---- stopping, by stages ---- */

static bool may_be_killed(enum worker_stop how)
{
	return how == STOP_HARDER || how == STOP_ALL;
}

static void stop_harder(struct worker *worker, enum worker_stop how)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGKILL };

	if (how == STOP_NOT || (how == STOP_POLITE && worker->stop_stage > 0))
		return;
	if (worker->stop_stage >= (int)countof(signals))
		return;
	if (signals[worker->stop_stage] == SIGKILL)
		worker_leave(worker);
	else
		sandbox_signal(&worker->box, signals[worker->stop_stage], how == STOP_ALL);
	worker->stop_stage++;
	worker->stop_next_ms = now_ms() + worker->spec.stop_grace_ms;
}

static void stop_begin(struct worker *worker, enum job_outcome why, enum worker_stop how)
{
	if (worker->stop != OUTCOME_NONE)
		return;
	worker->stop = why;
	/* What floods the machine gets no grace. */
	if (may_be_killed(how) && (why == OUTCOME_OUTPUT_CAP || why == OUTCOME_MEMORY_CAP ||
					  why == OUTCOME_DISK_CAP)) {
		worker_leave(worker);
		return;
	}
	stop_harder(worker, how);
}

struct watch {
	enum worker_stop how;
	int64_t deadline_ms;
	int files[SANDBOX_SLOTS]; /* what the slots print into, -1: the job's output */
	int64_t caps[SANDBOX_SLOTS];
	int64_t next_memory_ms, next_disk_ms;
	unsigned pending; /* of slots */
	struct sandbox_exit exits[SANDBOX_SLOTS];
};

/* The server's limit or the profile's, whichever is lower. */
static int64_t output_cap(const struct worker *worker)
{
	int64_t server = worker->spec.output_cap_bytes;
	int64_t profile = worker->box.profile->output_bytes;

	return server < profile ? server : profile;
}

static bool is_over_cap(const struct worker *worker, const struct watch *watch)
{
	struct stat st;

	for (int slot = 0; slot < SANDBOX_SLOTS; slot++)
		if (watch->files[slot] >= 0 && fstat(watch->files[slot], &st) == 0 &&
			st.st_size > watch->caps[slot])
			return true;
	return output_step_bytes(&worker->output) > output_cap(worker);
}

/* Slow looks get rare, so that looking never is what a machine does. */
static int64_t look_again_ms(int64_t began_ms, int64_t least_ms)
{
	int64_t cost_ms = now_ms() - began_ms;

	return began_ms + (5 * cost_ms > least_ms ? 5 * cost_ms : least_ms);
}

static void check_usage(struct worker *worker, struct watch *watch)
{
	const struct profile *profile = worker->box.profile;
	int64_t began_ms = now_ms();
	struct usage usage;

	if (began_ms >= watch->next_memory_ms) {
		usage_of_processes(&worker->box, &usage);
		watch->next_memory_ms = look_again_ms(began_ms, MEMORY_MS);
		if (usage.memory_bytes > profile->memory_bytes ||
			usage.processes > profile->processes ||
			cgroup_was_out_of_memory(&worker->box.group))
			stop_begin(worker, OUTCOME_MEMORY_CAP, watch->how);
	}
	began_ms = now_ms();
	if (worker->stop == OUTCOME_NONE && began_ms >= watch->next_disk_ms) {
		usage_of_disk(worker->dir->fd, profile, &usage);
		watch->next_disk_ms = look_again_ms(began_ms, DISK_MS);
		if (usage.disk_bytes > profile->disk_bytes ||
			usage.disk_files > profile->disk_files)
			stop_begin(worker, OUTCOME_DISK_CAP, watch->how);
	}
}

static int watch_timeout(const struct worker *worker, const struct watch *watch)
{
	int64_t left = watch->deadline_ms - now_ms();

	if (worker->stop != OUTCOME_NONE)
		left = may_be_killed(watch->how) ? worker->stop_next_ms - now_ms() : WATCH_MS;
	return left < 0 ? 0 : left > WATCH_MS ? WATCH_MS : (int)left;
}

/* Until nothing is pending, or the sandbox is gone: by us (stop says why) or by somebody else. */
static int watch_steps(struct worker *worker, struct watch *watch, struct err *err)
{
	struct sandbox_exit end;
	int r;

	watch->next_memory_ms = now_ms() + MEMORY_MS;
	watch->next_disk_ms = now_ms() + DISK_MS;
	while (watch->pending != 0) {
		r = sandbox_wait(
			&worker->box, worker->wake_fd, watch_timeout(worker, watch), &end, err);
		if (r < 0)
			return r;
		if (r > 0) {
			watch->exits[end.slot] = end;
			watch->pending &= ~(1U << end.slot);
			continue;
		}
		if (worker_is_cancelled(worker))
			stop_begin(worker, OUTCOME_CANCELLED, watch->how);
		if (now_ms() >= watch->deadline_ms)
			stop_begin(worker, OUTCOME_TIMED_OUT, watch->how);
		if (is_over_cap(worker, watch))
			stop_begin(worker, OUTCOME_OUTPUT_CAP, watch->how);
		if (worker->is_inside && worker->stop == OUTCOME_NONE)
			check_usage(worker, watch);
		if (worker->stop != OUTCOME_NONE && worker->is_inside &&
			now_ms() >= worker->stop_next_ms)
			stop_harder(worker, watch->how);
		if (!worker->is_inside)
			return 0;
		if (worker->stop == OUTCOME_OUTPUT_CAP)
			output_cut(&worker->output, output_cap(worker));
		output_pump(&worker->output, false);
	}
	return 0;
}

/* ---- steps ---- */

/* In tier full loopback is the sandbox's own; in tier landlock this port is all of it. */
static void describe_way_out(const struct worker *worker, struct strvec *env)
{
	static const char *const names[] = { "HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
		"http_proxy" };
	char line[80];

	for (size_t i = 0; i < countof(names); i++) {
		snprintf(line, sizeof(line), "%s=http://127.0.0.1:%d", names[i],
			worker->box.proxy_port);
		step_env_put(env, line);
	}
}

int worker_describe(struct worker *worker, enum tool_step step, struct strvec *argv,
	struct strvec *env, struct err *err)
{
	int r = worker->tool->describe(&worker->context, step, argv, env, err);

	if (r == 0 && worker->box.proxy_port != 0)
		describe_way_out(worker, env);
	for (size_t i = 0; r == 0 && i < worker->env.count; i++)
		step_env_put(env, worker->env.items[i]);
	if (r == 0)
		credentials_env(worker, env);
	return r;
}

static int launch(struct worker *worker, enum tool_step step, int slot, int output, struct err *err)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	struct sandbox_command command = {
		.argv = &argv, .env = &env, .output = output, .errors = worker->output.raw_fd
	};
	int r = worker_describe(worker, step, &argv, &env, err);

	return r < 0 ? r : sandbox_run(&worker->box, slot, &command, err);
}

static const char *stop_text(const struct worker *worker, const char *step, char buf[160])
{
	char time[CLOCK_TEXT_MAX];

	if (worker->stop == OUTCOME_TIMED_OUT)
		snprintf(buf, 160, "%s took longer than %s and was stopped", step,
			clock_duration_text(worker->timeout_ms, time));
	else if (worker->stop == OUTCOME_OUTPUT_CAP)
		snprintf(buf, 160, "%s printed more than %lld bytes and was stopped", step,
			(long long)output_cap(worker));
	else if (worker->stop == OUTCOME_MEMORY_CAP)
		snprintf(buf, 160,
			"%s used more than %lld MiB of memory or %lld processes and was stopped",
			step, (long long)(worker->box.profile->memory_bytes >> 20),
			(long long)worker->box.profile->processes);
	else if (worker->stop == OUTCOME_DISK_CAP)
		snprintf(buf, 160, "%s wrote more than %lld MiB or %lld files and was stopped",
			step, (long long)(worker->box.profile->disk_bytes >> 20),
			(long long)worker->box.profile->disk_files);
	else
		snprintf(buf, 160, "%s was cancelled", step);
	return buf;
}

void worker_keep_tail(struct worker *worker)
{
	_cleanup_free_ char *tail = output_tail(&worker->output, JOB_OUTPUT_MAX - 1);
	size_t skip = 0;

	while (((unsigned char)tail[skip] & 0xc0) == 0x80)
		skip++;
	worker->result.output = arena_strndup(
		&worker->arena, tail + skip, codec_utf8_prefix(tail + skip, strlen(tail + skip)));
}

/* Ends that are not the tool's own. 0: it is its own. */
static int judge_end(struct worker *worker, const char *step, const char *program,
	const struct sandbox_exit *end, bool has_end)
{
	char buf[160];

	/* The kernel was quicker than our look. */
	if (worker->stop == OUTCOME_NONE && cgroup_was_out_of_memory(&worker->box.group))
		worker->stop = OUTCOME_MEMORY_CAP;
	worker->result.exit_code = has_end && !end->by_signal ? end->status : 0;
	worker->result.signal = has_end && end->by_signal ? end->status : 0;
	if (has_end && end->exec_errno != 0)
		return worker_end(worker, OUTCOME_SETUP_FAILED, step, "cannot start %s: %s",
			program, strerror(end->exec_errno));
	if (worker->stop != OUTCOME_NONE && !(has_end && !end->by_signal && end->status == 0)) {
		worker_keep_tail(worker);
		if (worker->stop == OUTCOME_OUTPUT_CAP)
			output_cut(&worker->output, output_cap(worker));
		return worker_end(worker, worker->stop, step, "%s", stop_text(worker, step, buf));
	}
	if (!has_end || end->by_signal) {
		worker_keep_tail(worker);
		worker->result.signal = has_end ? end->status : SIGKILL;
		return worker_end(worker, OUTCOME_SIGNALLED, step,
			"%s was killed by signal %d (%s)", step, worker->result.signal,
			strsignal(worker->result.signal));
	}
	return 0;
}

/* Of a step before, or asked for between two steps. */
static int check_stop(struct worker *worker, const char *name)
{
	if (worker->stop == OUTCOME_CANCELLED || worker_is_cancelled(worker))
		return worker_end(worker, OUTCOME_CANCELLED, name,
			"cancelled; the step %s and what comes after it were not begun", name);
	worker->stop = OUTCOME_NONE; /* it ended well before it could be stopped */
	worker->stop_stage = 0;
	return 0;
}

/* A short step is seen by nobody while it runs, so its caps are looked at again at its end. */
static int check_caps(
	struct worker *worker, const struct worker_command *command, struct watch *watch)
{
	if (!is_over_cap(worker, watch) || !may_be_killed(command->stop))
		return 0;
	worker->stop = OUTCOME_OUTPUT_CAP;
	watch->exits[0].status = 1;
	return judge_end(worker, command->name, command->argv->items[0], &watch->exits[0], true);
}

int worker_exec(struct worker *worker, const struct worker_command *command, int *ret_status)
{
	struct watch watch = { .how = command->stop,
		.files = { command->output, -1 },
		.caps = { command->cap_bytes },
		.pending = 1 };
	const struct sandbox_command run = { .argv = command->argv,
		.env = command->env,
		.output = command->output < 0 ? worker->output.raw_fd : command->output,
		.errors = command->errors < 0 ? worker->output.raw_fd : command->errors };
	struct err err;
	int r = check_stop(worker, command->name);

	if (r == 0)
		r = worker_take_slot(worker, command->name, SLOT_ASK);
	if (r < 0)
		return r;
	worker->timeout_ms = command->timeout_ms > 0 ? command->timeout_ms
						     : worker->spec.step_timeout_ms;
	if (worker->timeout_ms > worker->box.profile->wall_ms)
		worker->timeout_ms = worker->box.profile->wall_ms;
	watch.deadline_ms = now_ms() + worker->timeout_ms;
	job_dir_step(worker->dir, command->name, clock_wall_ms(&clock_system));
	output_begin_step(&worker->output);
	fault_point("step.before_exec");
	r = sandbox_run(&worker->box, 0, &run, &err);
	if (r < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, command->name, &err);
	fault_point("step.running");
	r = watch_steps(worker, &watch, &err);
	fault_point("step.ended");
	output_pump(&worker->output, true);
	r = judge_end(worker, command->name, command->argv->items[0], &watch.exits[0],
		r == 0 && watch.pending == 0);
	if (r == 0)
		r = check_caps(worker, command, &watch);
	*ret_status = watch.exits[0].status;
	return r;
}

int worker_step(struct worker *worker, enum tool_step step, struct tool_verdict *ret,
	struct strbuf *failure)
{
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	struct worker_command command = { .name = tool_step_name(step),
		.argv = &argv,
		.env = &env,
		.output = -1,
		.errors = -1,
		.timeout_ms = worker->context.timeout_ms,
		.stop = profile_of_step(step)->outlives_supervisor ? STOP_POLITE : STOP_HARDER };
	_cleanup_free_ char *tail = NULL;
	struct err err;
	int r, status = 0;

	if (worker_describe(worker, step, &argv, &env, &err) < 0)
		return worker_end_err(worker, OUTCOME_SETUP_FAILED, command.name, &err);
	r = step == STEP_INIT ? credentials_place(worker, SECRET_OF_INIT) : 0;
	if (r == 0)
		r = worker_exec(worker, &command, &status);
	if (r < 0)
		return r;
	tail = output_tail(&worker->output, TAIL_MAX);
	*ret = (struct tool_verdict){ 0 };
	worker->tool->interpret(&worker->context, step, status, tail, ret, failure);
	if (ret->outcome == OUTCOME_OK)
		return 0;
	worker_keep_tail(worker);
	return worker_end(worker, ret->outcome, command.name, "%s", strbuf_text(failure));
}

int worker_show(struct worker *worker, int json_fd, int text_fd)
{
	static const enum tool_step steps[] = { STEP_SHOW_JSON, STEP_SHOW_TEXT };
	struct watch watch = { .deadline_ms = now_ms() + worker->spec.step_timeout_ms,
		.files = { json_fd, text_fd },
		.caps = { SHOW_JSON_MAX, SHOW_TEXT_MAX } };
	struct err err;
	int r;

	r = enter_lane(worker);
	if (r == 0)
		r = place_enter_render(worker);
	if (r < 0)
		return r;
	worker->timeout_ms = worker->spec.step_timeout_ms;
	job_dir_step(worker->dir, "show", clock_wall_ms(&clock_system));
	output_begin_step(&worker->output);
	for (int slot = 0; slot < (int)countof(steps); slot++) {
		r = launch(worker, steps[slot], slot, watch.files[slot], &err);
		if (r < 0)
			return worker_end_err(worker, OUTCOME_SETUP_FAILED, "show", &err);
		watch.pending |= 1U << slot;
	}
	r = watch_steps(worker, &watch, &err);
	output_pump(&worker->output, true);
	for (int slot = 0; slot < (int)countof(steps); slot++) {
		int ended = judge_end(worker, "show", worker->program, &watch.exits[slot],
			r == 0 && !(watch.pending & (1U << slot)));

		if (ended < 0)
			return ended;
		if (watch.exits[slot].status != 0) {
			worker_keep_tail(worker);
			return worker_end(worker, OUTCOME_BAD_RESULT, "show",
				"the plan was made, but cannot be shown (exit code %d)",
				watch.exits[slot].status);
		}
	}
	return 0;
}

int worker_read_summary(struct worker *worker, struct err *err)
{
	struct plan_summary summary;
	int r = plan_summary_read(worker->result.summary, &worker->arena, &summary, err);

	if (r < 0)
		worker->result.summary = NULL;
	else
		worker->result.has_changes = plan_summary_has_changes(&summary);
	return r;
}
