/* links: vcs_github model lib */
/* Which proxy is on the way. */
#include "tests/lib/cases.h"
#include "vcs/web/web_proxy.h"
#include <stdlib.h>

#define URL "https://git.acme.test:8443/x"

static const struct proxy_case {
	const char *name, *configured, *url, *https, *http, *all, *except, *wanted;
} proxy_cases[] = {
	{ "none", "", URL, NULL, NULL, NULL, NULL, "" },
	{ "of the configuration", "http://c:1", URL, "http://e:1", NULL, NULL, "*", "http://c:1" },
	{ "of the environment", "", URL, "http://e:1", "http://h:1", NULL, NULL, "http://e:1" },
	{ "for all", "", URL, NULL, "http://h:1", "http://a:1", NULL, "http://a:1" },
	{ "of http", "", "http://git.acme.test/x", "http://e:1", "http://h:1", NULL, NULL,
		"http://h:1" },
	{ "not for this host", "", URL, "http://e:1", NULL, NULL, "localhost,git.acme.test", "" },
	{ "not for this domain", "", URL, "http://e:1", NULL, NULL, " .acme.test ", "" },
	{ "not for its parent", "", URL, "http://e:1", NULL, NULL, "ACME.test", "" },
	{ "for nobody", "", URL, "http://e:1", NULL, NULL, "*", "" },
	{ "for a name that only ends alike", "", URL, "http://e:1", NULL, NULL, "cme.test",
		"http://e:1" },
	{ "for a longer name", "", URL, "http://e:1", NULL, NULL, "x.git.acme.test,",
		"http://e:1" },
};

static void set(const char *name, const char *value)
{
	if (value == NULL)
		unsetenv(name);
	else
		setenv(name, value, 1);
}

static void proxies(void **state)
{
	static const char *const others[] = { "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
		"HTTP_PROXY" };
	const struct proxy_case *row = *state;
	char *found;

	for (size_t i = 0; i < countof(others); i++)
		unsetenv(others[i]);
	set("https_proxy", row->https);
	set("http_proxy", row->http);
	set("all_proxy", row->all);
	set("no_proxy", row->except);
	found = web_proxy(row->configured, row->url);
	assert_string_equal(found, row->wanted);
	free(found);
}

int main(int argc, char **argv)
{
	CASES(proxy_cases, proxies);
	return cases_run(argc, argv);
}
