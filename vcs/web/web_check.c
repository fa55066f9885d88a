/* One question to the host for those who set it up: who are we? With a loop of its own. */
#include "vcs/web/web_host.h"

enum { PATIENCE_MS = 15000 };

struct checking {
	struct loop *loop;
	char *login;
	struct err err;
};

static void on_known(void *owner, const char *login)
{
	struct checking *checking = owner;

	checking->login = mem_strdup(login);
	loop_stop(checking->loop);
}

static void on_problem(
	void *owner, _unused_ bool is_problem, _unused_ const char *what, const struct err *err)
{
	struct checking *checking = owner;

	if (checking->err.code == ERR_NONE && err != NULL)
		checking->err = *err;
	loop_stop(checking->loop);
}

static void on_late(void *owner)
{
	struct checking *checking = owner;

	err_class_set(&checking->err, ERR_NET, ERR_CLASS_TEMP, "no answer within %d s",
		PATIENCE_MS / 1000);
	loop_stop(checking->loop);
}

int web_host_check(const struct web_host_options *kind, char **ret_login, struct err *err)
{
	struct checking checking = { .loop = loop_new() };
	struct host_settings asking = *kind->settings;
	struct loop_timer *late = loop_timer_new(checking.loop, on_late, &checking);
	struct web_host_options options = { .dialect = kind->dialect,
		.verbs = kind->verbs,
		.loop = checking.loop,
		.clock = &clock_system,
		.settings = &asking,
		.tell = on_problem,
		.known = on_known,
		.owner = &checking };
	struct web_host *host = NULL;
	int r;

	asking.user = ""; /* to be told, not to be believed */
	r = web_host_new(&options, &host, err);
	if (r == 0) {
		loop_timer_arm(late, PATIENCE_MS);
		if (checking.login == NULL && checking.err.code == ERR_NONE)
			loop_run(checking.loop);
	}
	if (r == 0 && checking.login == NULL) {
		*err = checking.err;
		r = -(int)err->code;
	}
	if (host != NULL)
		web_host_port(host)->free(web_host_port(host));
	loop_timer_free(late);
	loop_free(checking.loop);
	*ret_login = checking.login;
	return r;
}
