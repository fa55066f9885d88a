/* Proxies. */
#include "vcs/web/web_proxy.h"
#include <string.h>

/* The first of the two writings of a name that is set. */
static const char *either(const char *lower, const char *upper)
{
	const char *value = getenv(lower);

	return str_empty(value) && upper != NULL ? getenv(upper) : value;
}

/* "acme.test", ".acme.test" and "*" of a list that is divided by commas. */
static bool is_excepted(const char *list, const char *host, size_t length)
{
	while (!str_empty(list)) {
		const char *word = list + strspn(list, ", .");
		size_t size = strcspn(word, ", ");

		if (size == 1 && word[0] == '*')
			return true;
		if (size > 0 && size <= length &&
			strncasecmp(host + length - size, word, size) == 0 &&
			(size == length || host[length - size - 1] == '.'))
			return true;
		list = word + size;
	}
	return false;
}

char *web_proxy(const char *configured, const char *url)
{
	bool is_tls = str_starts(url, "https://");
	const char *host = strstr(url, "://");
	const char *proxy;

	if (!str_empty(configured))
		return mem_strdup(configured);
	/* HTTP_PROXY is a header of somebody else where there is CGI, so nobody reads it */
	proxy = is_tls ? either("https_proxy", "HTTPS_PROXY") : either("http_proxy", NULL);
	if (str_empty(proxy))
		proxy = either("all_proxy", "ALL_PROXY");
	if (str_empty(proxy) || host == NULL)
		return mem_strdup("");
	host += strlen("://");
	return mem_strdup(is_excepted(either("no_proxy", "NO_PROXY"), host, strcspn(host, ":/"))
				  ? ""
				  : proxy);
}
