/* CONNECT host:port HTTP/1.1 */
#include "runners/egress/request.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *head_end(const char *bytes, size_t length)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);

	return end == NULL ? NULL : end + 4;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* A name as resolvers mean it: labels of 1 to 63 bytes. */
static bool name_is_good(const char *name)
{
	size_t label = 0;

	for (const char *at = name; *at != '\0'; at++) {
		if (!is_name_byte(*at))
			return false;
		label = *at == '.' ? 0 : label + 1;
		if (label > 63 || (*at == '.' && (at == name || at[-1] == '.')))
			return false;
	}
	return name[0] != '\0';
}

static bool address_read(const char *text, bool is_bracketed)
{
	uint8_t bytes[16];

	return inet_pton(is_bracketed ? AF_INET6 : AF_INET, text, bytes) == 1;
}

static bool port_read(const char *text, size_t length, int *ret)
{
	*ret = 0;
	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret = *ret * 10 + (text[i] - '0');
	}
	return *ret > 0 && *ret <= 65535;
}

/* host:port or [address]:port */
static bool authority_read(const char *text, size_t length, struct egress_target *ret)
{
	const char *colon = memrchr(text, ':', length);
	bool is_bracketed = length > 0 && text[0] == '[';
	size_t host_length = colon == NULL ? 0 : (size_t)(colon - text);

	if (colon == NULL || !port_read(colon + 1, length - host_length - 1, &ret->port))
		return false;
	if (is_bracketed) {
		if (host_length < 3 || text[host_length - 1] != ']')
			return false;
		text++;
		host_length -= 2;
	}
	if (host_length == 0 || host_length > EGRESS_HOST_MAX)
		return false;
	for (size_t i = 0; i < host_length; i++) {
		char c = text[i];

		ret->host[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	ret->host[host_length] = '\0';
	if (strlen(ret->host) != host_length)
		return false;
	ret->is_address = address_read(ret->host, is_bracketed);
	if (ret->is_address || is_bracketed)
		return ret->is_address;
	if (ret->host[host_length - 1] == '.')
		ret->host[host_length - 1] = '\0';
	return name_is_good(ret->host);
}

bool egress_target_of_url(const char *url, struct egress_target *ret)
{
	char authority[EGRESS_HOST_MAX + sizeof("[]:65535")];
	bool is_tls = str_starts(url, "https://");
	const char *begin = url + strlen(is_tls ? "https://" : "http://"), *at, *colon;
	size_t length;
	int written;

	if (!is_tls && !str_starts(url, "http://"))
		return false;
	length = strcspn(begin, "/?#");
	at = memrchr(begin, '@', length);
	if (at != NULL) {
		length -= (size_t)(at + 1 - begin);
		begin = at + 1;
	}
	colon = memrchr(begin, ':', length);
	if (colon != NULL && memchr(colon, ']', length - (size_t)(colon - begin)) != NULL)
		colon = NULL;
	written = snprintf(authority, sizeof(authority), "%.*s%s", (int)length, begin,
		colon != NULL ? ""
		: is_tls      ? ":443"
			      : ":80");
	return written > 0 && (size_t)written < sizeof(authority) &&
	       authority_read(authority, (size_t)written, ret);
}

int egress_request_parse(const char *bytes, size_t length, struct egress_target *ret,
	size_t *ret_length, struct err *err)
{
	static const char method[] = "CONNECT ", version[] = " HTTP/1.";
	const char *end = head_end(bytes, length), *line_end, *target, *space;

	if (end == NULL && length >= EGRESS_HEAD_MAX)
		return err_set(err, ERR_LIMIT, "the request is longer than %d bytes",
			(int)EGRESS_HEAD_MAX);
	if (strncmp(bytes, method, length < strlen(method) ? length : strlen(method)) != 0)
		return err_set(err, ERR_SYNTAX,
			"only CONNECT is taken here (https); plain http is not let out");
	if (end == NULL)
		return 0;
	*ret_length = (size_t)(end - bytes);
	line_end = memmem(bytes, length, "\r\n", 2);
	target = bytes + strlen(method);
	space = target < line_end ? memchr(target, ' ', (size_t)(line_end - target)) : NULL;
	if (space == NULL || (size_t)(line_end - space) != strlen(version) + 1 ||
		memcmp(space, version, strlen(version)) != 0 ||
		!authority_read(target, (size_t)(space - target), ret))
		return err_set(err, ERR_SYNTAX, "expected CONNECT host:port HTTP/1.1");
	return 1;
}

/* "*.example" is for what stands below example, not for example itself. */
static bool host_matches(const struct egress_rule *rule, const struct egress_target *target)
{
	size_t host = strlen(target->host), pattern = strlen(rule->host);

	if (strncmp(rule->host, "*.", 2) != 0)
		return strcasecmp(rule->host, target->host) == 0;
	return !target->is_address && host > pattern - 1 &&
	       strcasecmp(target->host + host - (pattern - 1), rule->host + 1) == 0;
}

const struct egress_rule *egress_rule_find(
	const struct egress_rule *rules, size_t count, const struct egress_target *target)
{
	for (size_t i = 0; i < count; i++) {
		if ((rules[i].port == 0 ? 443 : rules[i].port) == target->port &&
			host_matches(&rules[i], target))
			return &rules[i];
	}
	return NULL;
}
