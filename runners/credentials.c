/* Who gets what of a job's secrets. */
#include "runners/credentials.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/step_env.h"
#include "runners/tree.h"
#include "runners/worker.h"
#include <fcntl.h>
#include <string.h>

#define FOLDER ".credentials"

enum { SECRETS_TEXT_MAX = 1 << 20 };

int credentials_read(struct worker *worker, const char *text, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, strlen(text), SECRETS_TEXT_MAX, &json, err);

	if (r == 0)
		r = job_secrets_read(json, &worker->secrets, err);
	if (r < 0)
		return err_wrap(err, "the job's secrets");
	for (size_t i = 0; i < worker->secrets.count; i++) {
		if (!worker->secrets.list[i].is_public)
			mask_add(&worker->mask, worker->secrets.list[i].value);
	}
	return 0;
}

bool credentials_have(const struct worker *worker, enum secret_use use)
{
	for (size_t i = 0; i < worker->secrets.count; i++) {
		if (worker->secrets.list[i].use == use)
			return true;
	}
	return false;
}

/* ---- variables ---- */

/* What a kind of sandbox is for, and what of that the operator lets it know. */
static bool may_know(const struct worker *worker, const struct job_secret *secret)
{
	const struct profile *profile = worker->box.profile;
	enum secret_use use = SECRET_OF_TOOLS;

	switch (profile->secrets) {
	case PROFILE_SECRETS_NONE:
		return false;
	case PROFILE_SECRETS_HOST:
		use = SECRET_OF_GIT;
		break;
	case PROFILE_SECRETS_REGISTRY:
		use = SECRET_OF_INIT;
		break;
	case PROFILE_SECRETS_PLAN:
	case PROFILE_SECRETS_APPLY:
	case PROFILE_SECRETS_LISTED:
		break;
	}
	return secret->use == use &&
	       site_tells(worker->site, profile->id, secret->name, strlen(secret->name));
}

/* With the folder of the files where the mark stands. Owned by the caller, who wipes it. */
static char *place(const struct worker *worker, const char *value)
{
	const char *mark = strstr(value, SECRET_FOLDER);

	return mark == NULL ? mem_strdup(value)
			    : mem_printf("%.*s%s/" FOLDER "%s", (int)(mark - value), value,
				      worker->context.tmp, mark + strlen(SECRET_FOLDER));
}

void credentials_env(const struct worker *worker, struct strvec *env)
{
	for (size_t i = 0; i < worker->secrets.count; i++) {
		const struct job_secret *one = &worker->secrets.list[i];
		char *value, *pair;

		if (one->is_file || !may_know(worker, one))
			continue;
		value = place(worker, one->value);
		pair = mem_printf("%s=%s", one->name, value);
		step_env_put(env, pair);
		explicit_bzero(value, strlen(value));
		explicit_bzero(pair, strlen(pair));
		free(value);
		free(pair);
	}
}

/* ---- files ---- */

static int place_file(struct worker *worker, const struct job_secret *secret)
{
	static const char script[] = "umask 077 && mkdir -p \"$0\" && printf %s \"$FILE\" > "
				     "\"$0/$1\"";
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	const struct worker_command command = { .name = "credentials",
		.argv = &argv,
		.env = &env,
		.output = -1,
		.errors = -1,
		.stop = STOP_HARDER };
	char *value = place(worker, secret->value);
	int r, status = 0;

	strvec_push(&argv, "/bin/sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, script);
	strvec_pushf(&argv, "%s/" FOLDER, worker->context.tmp);
	strvec_push(&argv, secret->name);
	strvec_push(&env, "PATH=" TOOL_PATH);
	strvec_pushf(&env, "FILE=%s", value);
	r = worker_exec(worker, &command, &status);
	explicit_bzero(value, strlen(value));
	free(value);
	if (r == 0 && status != 0)
		r = worker_end(worker, OUTCOME_SETUP_FAILED, "credentials",
			"a file of credentials cannot be written");
	return r;
}

/* Files follow the variables that name them. */
static bool may_have_files(const struct worker *worker, enum secret_use use)
{
	for (size_t i = 0; i < worker->secrets.count; i++) {
		const struct job_secret *one = &worker->secrets.list[i];

		if (!one->is_file && one->use == use && strstr(one->value, SECRET_FOLDER) != NULL &&
			may_know(worker, one))
			return true;
	}
	return false;
}

int credentials_place(struct worker *worker, enum secret_use use)
{
	int r = 0;

	if (!may_have_files(worker, use))
		return 0;
	for (size_t i = 0; r == 0 && i < worker->secrets.count; i++) {
		const struct job_secret *one = &worker->secrets.list[i];

		if (one->is_file && one->use == use)
			r = place_file(worker, one);
	}
	return r;
}

void credentials_forget(const struct worker *worker)
{
	_cleanup_fd_ int tmp = -1;

	if (worker->secrets.count == 0 || worker->support->tier == SANDBOX_FULL)
		return;
	tmp = openat(worker->dir->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (tmp >= 0)
		tree_remove(tmp, FOLDER);
}
