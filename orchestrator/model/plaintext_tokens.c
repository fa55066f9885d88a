/* Tokens by their shape, private keys, passwords of URLs, and values whose name says it. */
#include "orchestrator/model/plaintext.h"

#include <string.h>
#include <strings.h>

enum { RUN_MAX = 1000, VALUE_LOOK = 200 };
enum {
	UPPER = 1 << 0,
	LOWER = 1 << 1,
	DIGIT = 1 << 2,
	HEX = 1 << 3,	  /* 0-9 a-f */
	DASHES = 1 << 4,  /* - and _ */
	SLASHES = 1 << 5, /* + and / and = */
	DOTS = 1 << 6,
	ALNUM = UPPER | LOWER | DIGIT,
	WORD = ALNUM | DASHES,
};

static const struct shape {
	const char *rule, *prefix;
	unsigned of;	 /* what follows the prefix is made of these */
	int least, most; /* so many of them; most 0: no end */
} shapes[] = {
	{ "aws-access-key", "AKIA", UPPER | DIGIT, 16, 16 },
	{ "aws-access-key", "ASIA", UPPER | DIGIT, 16, 16 },
	{ "github-token", "ghp_", ALNUM, 36, 0 },
	{ "github-token", "gho_", ALNUM, 36, 0 },
	{ "github-token", "ghu_", ALNUM, 36, 0 },
	{ "github-token", "ghs_", ALNUM, 36, 0 },
	{ "github-token", "ghr_", ALNUM, 36, 0 },
	{ "github-token", "github_pat_", WORD, 50, 0 },
	{ "gitlab-token", "glpat-", WORD, 20, 0 },
	{ "gitlab-token", "gldt-", WORD, 20, 0 },
	{ "gitlab-token", "glrt-", WORD, 20, 0 },
	{ "slack-token", "xoxb-", WORD, 24, 0 },
	{ "slack-token", "xoxp-", WORD, 24, 0 },
	{ "slack-token", "xoxa-", WORD, 24, 0 },
	{ "slack-token", "xoxr-", WORD, 24, 0 },
	{ "slack-token", "xoxs-", WORD, 24, 0 },
	{ "slack-token", "xapp-", WORD, 24, 0 },
	{ "slack-webhook", "hooks.slack.com/services/", ALNUM | SLASHES, 40, 0 },
	{ "google-api-key", "AIza", WORD, 35, 35 },
	{ "google-oauth-secret", "GOCSPX-", WORD, 28, 28 },
	{ "google-oauth-token", "ya29.", WORD, 50, 0 },
	{ "stripe-key", "sk_live_", ALNUM, 20, 0 },
	{ "stripe-key", "rk_live_", ALNUM, 20, 0 },
	{ "npm-token", "npm_", ALNUM, 36, 36 },
	{ "pypi-token", "pypi-AgEI", WORD, 50, 0 },
	{ "sendgrid-key", "SG.", WORD | DOTS, 60, 0 },
	{ "age-secret-key", "AGE-SECRET-KEY-1", UPPER | DIGIT, 58, 58 },
	{ "azure-storage-key", "AccountKey=", ALNUM | SLASHES, 86, 90 },
	{ "vault-token", "hvs.", WORD, 24, 0 },
	{ "vault-token", "hvb.", WORD, 24, 0 },
	{ "terraform-cloud-token", ".atlasv1.", WORD, 60, 0 },
	{ "digitalocean-token", "dop_v1_", HEX, 64, 64 },
	{ "databricks-token", "dapi", HEX, 32, 32 },
	{ "shopify-token", "shpat_", HEX, 32, 32 },
	{ "grafana-token", "glsa_", WORD, 40, 0 },
	{ "huggingface-token", "hf_", ALNUM, 34, 0 },
	{ "anthropic-key", "sk-ant-", WORD, 60, 0 },
	{ "openai-key", "sk-proj-", WORD, 40, 0 },
	{ "docker-token", "dckr_pat_", WORD, 27, 0 },
};

static bool is_of(char c, unsigned of)
{
	return ((of & UPPER) && c >= 'A' && c <= 'Z') || ((of & LOWER) && c >= 'a' && c <= 'z') ||
	       ((of & (DIGIT | HEX)) && c >= '0' && c <= '9') ||
	       ((of & HEX) && c >= 'a' && c <= 'f') || ((of & DASHES) && (c == '-' || c == '_')) ||
	       ((of & SLASHES) && (c == '+' || c == '/' || c == '=')) || ((of & DOTS) && c == '.');
}

/* Trap: what follows a prefix may hold the next one, and a hostile line is nothing else. */
static size_t run_of(const char *at, const char *end, unsigned of)
{
	const char *from = at;

	if (end - at > RUN_MAX)
		end = at + RUN_MAX;

	while (at < end && is_of(*at, of))
		at++;
	return (size_t)(at - from);
}

static bool is_random(const char *value, size_t length, unsigned of)
{
	double least = of & HEX ? 2.8 : length < 24 ? 2.5 : 3.2; /* few letters repeat less */

	return !plaintext_is_placeholder(value, length) &&
	       plaintext_entropy(value, length) >= least;
}

/* How long the token is, 0: none begins here. */
static size_t shape_at(
	const struct shape *shape, const char *begin, const char *at, const char *end)
{
	size_t prefix = strlen(shape->prefix), run;

	if ((size_t)(end - at) < prefix || memcmp(at, shape->prefix, prefix) != 0)
		return 0;
	if (at > begin && is_of(at[-1], ALNUM) && is_of(shape->prefix[0], ALNUM) &&
		!str_starts(shape->prefix, "hooks."))
		return 0; /* the middle of something else */
	run = run_of(at + prefix, end, shape->of);
	if (run < (size_t)shape->least || (shape->most > 0 && run > (size_t)shape->most) ||
		!is_random(at + prefix, run, shape->of))
		return 0;
	return prefix + run;
}

/* eyJ... . eyJ... . signature */
static size_t jwt_at(const char *begin, const char *at, const char *end)
{
	const char *from = at;

	if (at > begin && is_of(at[-1], WORD))
		return 0;
	for (int part = 0; part < 3; part++) {
		size_t run = run_of(at, end, WORD);

		if (run < 16 || (part < 2 && memcmp(at, "eyJ", 3) != 0))
			return 0;
		at += run;
		if (part < 2 && (at == end || *at++ != '.'))
			return 0;
	}
	return is_random(from, (size_t)(at - from), WORD) ? (size_t)(at - from) : 0;
}

/* ---- private keys ---- */

/* Line breaks are real ones, or "\n" as JSON and HCL write them; a header may stand before. */
static size_t key_bytes(
	const char *at, const char *end, char *key, size_t most, const char **ret_end)
{
	size_t count = 0;

	while (at < end && count < most && !(end - at > 5 && memcmp(at, "-----", 5) == 0)) {
		if (*at == '\\' && end - at > 1) {
			at += 2;
			continue;
		}
		if (is_of(*at, ALNUM | SLASHES))
			key[count++] = *at;
		else if (strchr(" \t\r\n\"',|:-", *at) == NULL)
			break;
		at++;
	}
	*ret_end = at;
	return count;
}

/* As far as its first bytes, which tell it from another key. */
static size_t private_key_at(const char *at, const char *end)
{
	static const char begin[] = "-----BEGIN ";
	const char *line, *words, *stop;
	char key[200];
	size_t count;

	if ((size_t)(end - at) < sizeof(begin) || memcmp(at, begin, sizeof(begin) - 1) != 0)
		return 0;
	words = at + sizeof(begin) - 1;
	line = words + run_of(words, end, UPPER | DIGIT);
	while (line < end && (*line == ' ' || is_of(*line, UPPER | DIGIT)))
		line++;
	if (line - words < 11 || (size_t)(line - words) > 60 || end - line < 5 ||
		memcmp(line, "-----", 5) != 0)
		return 0;
	if (memmem(words, (size_t)(line - words), "PRIVATE KEY", 11) == NULL)
		return 0;
	count = key_bytes(line + 5, end, key, sizeof(key), &stop);
	if (count < 48 || plaintext_entropy(key, count) < 4.0)
		return 0;
	return (size_t)(stop - at);
}

/* ---- URLs ---- */

/* scheme://user:password@host, from the two slashes on */
static size_t url_password_at(const char *at, const char *end, const char **ret_value)
{
	const char *user = at + 3, *p = user, *colon = NULL, *host;

	if (end - at < 8 || memcmp(at, "://", 3) != 0)
		return 0;
	for (; p < end && *p != '@'; p++) {
		if (strchr(" \t\r\n\"'<>/\\`", *p) != NULL || p - user > 200)
			return 0;
		if (*p == ':' && colon == NULL)
			colon = p + 1;
	}
	if (p == end || colon == NULL || p - colon < 8)
		return 0;
	host = p + 1;
	if (strncasecmp(host, "localhost", 9) == 0 || strncasecmp(host, "127.0.0.1", 9) == 0 ||
		plaintext_is_placeholder(host, run_of(host, end, WORD | DOTS)))
		return 0;
	*ret_value = colon;
	if (!plaintext_looks_secret(colon, (size_t)(p - colon)))
		return 0;
	return (size_t)(p - colon);
}

/* ---- all of them ---- */

static size_t token_at(const char *begin, const char *at, const char *end, const char **ret_rule,
	const char **ret_value)
{
	size_t length = 0;

	*ret_value = at;
	*ret_rule = "url-password";
	if (*at == ':')
		return url_password_at(at, end, ret_value);
	*ret_rule = "private-key";
	if (*at == '-')
		return private_key_at(at, end);
	*ret_rule = "jwt";
	if (*at == 'e' && end - at > 60)
		length = jwt_at(begin, at, end);
	for (size_t i = 0; length == 0 && i < countof(shapes); i++) {
		if (shapes[i].prefix[0] != *at)
			continue;
		*ret_rule = shapes[i].rule;
		length = shape_at(&shapes[i], begin, at, end);
	}
	return length;
}

void plaintext_tokens(const char *bytes, size_t length, struct plaintext *ret)
{
	const char *end = bytes + length;
	int line = 1;

	for (const char *at = bytes; at < end; at++) {
		const char *rule, *value;
		size_t size = token_at(bytes, at, end, &rule, &value);

		if (size > 0)
			plaintext_add(ret, rule, line, value, size);
		line += *at == '\n';
	}
}

/* ---- NAME = VALUE ---- */

bool plaintext_is_secret_name(const char *name, size_t length)
{
	static const char *const ends[] = { "password", "passwd", "passphrase", "secret", "token",
		"api_key", "apikey", "api-key", "access_key", "access-key", "accesskey",
		"secret_key", "secret-key", "secretkey", "private_key", "private-key", "privatekey",
		"auth_key", "encryption_key", "pwd" };

	for (size_t i = 0; i < countof(ends); i++) {
		size_t size = strlen(ends[i]);

		if (length >= size && strncasecmp(name + length - size, ends[i], size) == 0)
			return true;
	}
	return false;
}

/* Words with dashes between them are names, however long: a part must be a mixture. */
static bool has_mixed_part(const char *value, size_t length)
{
	size_t letters = 0, digits = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i == length || strchr("-_./:", value[i]) != NULL) {
			if (letters + digits >= 8 && letters > 1 && digits > 0)
				return true;
			letters = digits = 0;
			continue;
		}
		digits += is_of(value[i], DIGIT);
		letters += !is_of(value[i], DIGIT);
	}
	return false;
}

bool plaintext_looks_secret(const char *value, size_t length)
{
	static const char *const begins[] = { "ENC[", "arn:", "vault:", "ref+", "sm://",
		"projects/", "file:", "http:", "https:", "op://", "var.", "data.", "local.",
		"module.", "kms:", "secret:", "sha256:", "/", "!", "$", "@", "~" };

	if (length < 8 || length > 128)
		return false;
	for (size_t i = 0; i < countof(begins); i++)
		if (length > strlen(begins[i]) && memcmp(value, begins[i], strlen(begins[i])) == 0)
			return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)value[i] <= ' ' || strchr("(){}", value[i]) != NULL)
			return false;
	return !plaintext_is_placeholder(value, length) && has_mixed_part(value, length) &&
	       plaintext_entropy(value, length) >= 2.7;
}

/* The name that ends before `at`, perhaps in quotes. */
static size_t name_before(const char *from, const char *at, const char **ret)
{
	const char *end;

	while (at > from && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	if (at > from && (at[-1] == '"' || at[-1] == '\''))
		at--;
	end = at;
	while (at > from && is_of(at[-1], WORD | DOTS))
		at--;
	*ret = at;
	return (size_t)(end - at);
}

static size_t value_after(const char *at, const char *end, bool may_be_bare, const char **ret)
{
	const char *p;
	char quote;

	*ret = at;
	while (at < end && strchr("=> \t", *at) != NULL)
		at++;
	if (at == end)
		return 0;
	if (end - at > VALUE_LOOK) /* longer ones are none anyway */
		end = at + VALUE_LOOK;
	quote = *at;
	if (quote == '"' || quote == '\'') {
		p = memchr(at + 1, quote, (size_t)(end - at - 1));
		*ret = at + 1;
		return p == NULL ? 0 : (size_t)(p - at - 1);
	}
	*ret = at;
	for (p = at; p < end && strchr(" \t\r,;\"'`", *p) == NULL; p++)
		;
	return may_be_bare ? (size_t)(p - at) : 0;
}

static void look_at_line(const struct text_line *line, bool may_be_bare, struct plaintext *ret)
{
	const char *end = line->bytes + line->length;

	for (const char *at = line->bytes; at < end; at++) {
		const char *name, *value;
		size_t length;

		if (*at != '=' && *at != ':')
			continue;
		length = name_before(line->bytes, at, &name);
		if (!plaintext_is_secret_name(name, length))
			continue;
		length = value_after(at + 1, end, may_be_bare, &value);
		if (plaintext_looks_secret(value, length))
			plaintext_add(ret, "assigned-secret", line->number, value, length);
	}
}

void plaintext_assigned(const char *bytes, size_t length, bool may_be_bare, struct plaintext *ret)
{
	const char *end = bytes + length;
	struct text_line line = { .bytes = bytes, .number = 1 };

	for (; line.bytes < end; line.bytes += line.length + 1, line.number++) {
		const char *stop = memchr(line.bytes, '\n', (size_t)(end - line.bytes));

		line.length = (size_t)((stop == NULL ? end : stop) - line.bytes);
		look_at_line(&line, may_be_bare, ret);
	}
}
