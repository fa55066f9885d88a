/* Kinds of hosts. */
#include "vcs/hosts.h"
#include "vcs/gitea/gitea_dialect.h"
#include "vcs/github/github_dialect.h"
#include "vcs/web/web_host.h"

static const struct {
	const char *kind;
	const struct web_dialect *dialect;
	const struct web_verbs *verbs;
} kinds[] = {
	{ "github", &github_dialect, &github_verbs },
	{ "gitea", &gitea_dialect, &gitea_verbs },
	{ "forgejo", &gitea_dialect, &gitea_verbs },
};

static int kind_take(
	const struct host_settings *settings, struct web_host_options *ret, struct err *err)
{
	for (size_t i = 0; i < countof(kinds); i++) {
		if (!str_equal(settings->kind, kinds[i].kind))
			continue;
		ret->dialect = kinds[i].dialect;
		ret->verbs = kinds[i].verbs;
		return 0;
	}
	return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
		"hosts.%s: this build knows no hosts of the kind %s", settings->name,
		settings->kind);
}

int hosts_open(const struct host_settings *settings, const struct hosts_options *options,
	struct vcs_host **ret, struct err *err)
{
	struct web_host_options made = { .loop = options->loop,
		.clock = options->clock,
		.settings = settings,
		.tell = options->tell,
		.owner = options->owner };
	struct web_host *host = NULL;
	int r = kind_take(settings, &made, err);

	if (r == 0)
		r = web_host_new(&made, &host, err);
	if (r == 0)
		*ret = web_host_port(host);
	return r;
}

int hosts_check(const struct host_settings *settings, char **ret_login, struct err *err)
{
	struct web_host_options made = { .settings = settings };
	int r = kind_take(settings, &made, err);

	return r < 0 ? r : web_host_check(&made, ret_login, err);
}

int hosts_examine(const struct host_settings *settings, const char *status_prefix, const char *repo,
	host_finding_cb cb, void *owner, struct err *err)
{
	struct web_host_options made = { .settings = settings };
	struct web_doctor_options options = { .settings = settings,
		.status_prefix = status_prefix,
		.repo = repo,
		.cb = cb,
		.owner = owner };
	int r = kind_take(settings, &made, err);

	options.dialect = made.dialect;
	options.verbs = made.verbs;
	return r < 0 ? r : web_doctor(&options, err);
}
