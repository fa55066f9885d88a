/* What server.yaml says of what jobs may use elsewhere: `credentials`, `registries`. */
#include "config/server_keys.h"

#include "config/words.h"

#include <string.h>

/* ---- credentials ---- */

#define PROFILE(field)	offsetof(struct credential_profile, field)
#define VARIABLE(field) offsetof(struct credential_variable, field)
#define MINUTE		(60 * 1000LL)

static const char *const identity_words[] = { "aws", "gcp", "azure", "token", NULL };

#define PLAIN_USE                                                                                  \
	{                                                                                          \
		.identity = {                                                                      \
			.audience = "",                                                            \
			.role = "",                                                                \
			.provider = "",                                                            \
			.client = "",                                                              \
			.tenant = "",                                                              \
			.lifetime_ms = 15 * MINUTE                                                 \
		}                                                                                  \
	}

static const struct credential_profile plain_profile = { .plan = PLAIN_USE, .apply = PLAIN_USE };
static const struct config_element variable = {
	.size = sizeof(struct credential_variable), .name = VARIABLE(name), .at = VARIABLE(at)
};
const struct config_element server_credential = { .size = sizeof(struct credential_profile),
	.name = PROFILE(name),
	.at = PROFILE(at),
	.initial = &plain_profile };

static const struct config_key variable_keys[] = {
	{ "value", CONFIG_TEXT, VARIABLE(value), .is_empty_fine = true,
		.help = "what it is; not for secrets" },
	{ "file", CONFIG_TEXT, VARIABLE(file), SECRET_PLACE,
		.help = "a file whose content it is, read anew for each job" },
	{ 0 },
};

#define IDENTITY_KEYS(use)                                                                         \
	(const struct config_key[])                                                                \
	{                                                                                          \
		{ "kind", CONFIG_WORD, PROFILE(use.identity.kind), .words = identity_words,        \
			.help = "for whom: which variables and files the tools find" },            \
			{ "audience", CONFIG_TEXT, PROFILE(use.identity.audience),                 \
				.fallback = "as the kind has it",                                  \
				.help = "who shall believe the token" },                           \
			{ "role", CONFIG_TEXT, PROFILE(use.identity.role),                         \
				.help = "aws: the ARN of the role; gcp: the service account" },    \
			{ "provider", CONFIG_TEXT, PROFILE(use.identity.provider),                 \
				.help = "gcp: projects/NUMBER/locations/global/"                   \
					"workloadIdentityPools/POOL/providers/NAME" },             \
			{ "client", CONFIG_TEXT, PROFILE(use.identity.client),                     \
				.help = "azure: the id of the application" },                      \
			{ "tenant", CONFIG_TEXT, PROFILE(use.identity.tenant),                     \
				.help = "azure: the id of the directory" },                        \
			{ "lifetime", CONFIG_DURATION, PROFILE(use.identity.lifetime_ms), MINUTE,  \
				60 * MINUTE, .fallback = "15m",                                    \
				.help = "of a token, from the start of its job" },                 \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

#define USE_KEYS(use)                                                                              \
	(const struct config_key[])                                                                \
	{                                                                                          \
		{ "variables", CONFIG_NAMED, PROFILE(use.variables), .keys = variable_keys,        \
			.element = &variable, .count = PROFILE(use.variable_count),                \
			.help = "environment variables of the tools" },                            \
			{ "command", CONFIG_TEXTS, PROFILE(use.command),                           \
				.help = "a program and its arguments; it prints NAME=VALUE lines " \
					"or a JSON object, anew for each job" },                   \
			{ "identity", CONFIG_MAP, .keys = IDENTITY_KEYS(use) },                    \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

const struct config_key server_credential_keys[] = {
	{ "repos", CONFIG_TEXTS, PROFILE(repos), .is_one_or_list = true, .is_required = true,
		.is_good = server_is_repo_rule, .expected = "HOST/OWNER/REPO, perhaps with *",
		.help = "which repositories may name it, HOST/OWNER/REPO with `*`; `!` in front "
			"takes out" },
	{ "plan", CONFIG_MAP, .keys = USE_KEYS(plan) },
	{ "apply", CONFIG_MAP, .keys = USE_KEYS(apply) },
	{ 0 },
};

/* Names under which nobody keeps anything but secrets. */
static bool sounds_secret(const char *name)
{
	static const char *const words[] = { "SECRET", "TOKEN", "PASSWORD", "PRIVATE_KEY",
		"ACCESS_KEY", "API_KEY", "CREDENTIALS" };

	for (size_t i = 0; i < countof(words); i++) {
		if (strstr(name, words[i]) != NULL)
			return !str_ends(name, "_ID") && !str_ends(name, "_FILE");
	}
	return false;
}

struct use {
	const struct config_decoder *decoder;
	const struct settings *settings;
	const struct credential_profile *profile;
	const struct credential_use *use;
	const char *when;
};

static const char *path_of(const struct use *in, const char *key)
{
	return arena_printf(&in->decoder->errors->arena, "credentials.%.60s.%s.%s",
		in->profile->name, in->when, key);
}

static void check_variable(const struct use *in, const struct credential_variable *one)
{
	struct config_errors *errors = in->decoder->errors;
	const char *path = arena_printf(
		&errors->arena, "%s.%.60s", path_of(in, "variables"), one->name);

	if (!server_is_variable(one->name))
		server_complain(
			errors, &one->at, path, "", "a variable is of letters, digits and _");
	else if ((one->value == NULL) == (one->file == NULL))
		server_complain(errors, &one->at, path, "", "expected exactly one of value, file");
	else if (one->value != NULL && sounds_secret(one->name))
		server_complain(errors, &one->at, path,
			"put it into a file that only the server can read, and write file:",
			"a secret does not stand in this file");
}

/* Which keys each kind cannot do without. */
static void check_identity(const struct use *in)
{
	const struct credential_identity *identity = &in->use->identity;
	const struct {
		const char *kind, *key, *value;
	} needs[] = {
		{ "aws", "role", identity->role },
		{ "gcp", "provider", identity->provider },
		{ "azure", "client", identity->client },
		{ "azure", "tenant", identity->tenant },
		{ "token", "audience", identity->audience },
	};
	struct config_errors *errors = in->decoder->errors;

	if (identity->kind == NULL) {
		if (identity->role[0] != '\0' || identity->audience[0] != '\0' ||
			identity->provider[0] != '\0' || identity->client[0] != '\0')
			server_complain(errors, &in->profile->at, path_of(in, "identity"),
				"write kind: aws, gcp, azure or token",
				"it does not say for whom it is");
		return;
	}
	for (size_t i = 0; i < countof(needs); i++) {
		if (str_equal(needs[i].kind, identity->kind) && needs[i].value[0] == '\0')
			server_complain(errors, &in->profile->at, path_of(in, "identity"), "",
				"the kind %s needs %s", identity->kind, needs[i].key);
	}
	if (in->settings->url[0] == '\0')
		server_complain(errors, &in->profile->at, path_of(in, "identity"),
			"write url: at the top of this file, with an address that the cloud can "
			"reach",
			"a token names its issuer, which is this server's url");
}

static void check_use(const struct use *in)
{
	for (size_t i = 0; i < in->use->variable_count; i++)
		check_variable(in, &in->use->variables[i]);
	if (in->use->command.count > 0 && in->use->command.list[0][0] != '/')
		server_complain(in->decoder->errors, &in->profile->at, path_of(in, "command"), "",
			"expected a list that begins with the absolute path of a program");
	check_identity(in);
}

/* ---- registries ---- */

#define REGISTRY(field) offsetof(struct registry, field)

static const struct registry plain_registry = { .user = "x-access-token", .ca_bundle = "" };
const struct config_element server_registry = { .size = sizeof(struct registry),
	.name = REGISTRY(host),
	.at = REGISTRY(at),
	.initial = &plain_registry };

const struct config_key server_registry_keys[] = {
	{ "repos", CONFIG_TEXTS, REGISTRY(repos), .is_one_or_list = true, .is_required = true,
		.is_good = server_is_repo_rule, .expected = "HOST/OWNER/REPO, perhaps with *",
		.help = "whose jobs may use it, HOST/OWNER/REPO with `*`; `!` in front takes "
			"out" },
	{ "user", CONFIG_TEXT, REGISTRY(user), .is_good = word_is_person, .expected = "a user name",
		.fallback = "x-access-token",
		.help = "for git and HTTPS; a registry asks for the token alone" },
	{ "token_file", CONFIG_TEXT, REGISTRY(token_file), SECRET_PLACE,
		.help = "a file with the token or password" },
	{ "ca_bundle", CONFIG_PATH, REGISTRY(ca_bundle),
		.help = "PEM of who signs its certificate, beside those that the machine knows" },
	NO_SECRET("token", "token_file"),
	NO_SECRET("password", "token_file"),
	{ 0 },
};

static void check_registry(const struct config_decoder *decoder, const struct registry *one)
{
	const char *path = arena_printf(&decoder->errors->arena, "registries.%.100s", one->host);

	if (!server_is_host(one->host) || strchr(one->host, '*') != NULL || one->host[0] == '[')
		server_complain(decoder->errors, &one->at, path, "",
			"expected the name of one host, perhaps with :PORT");
	else if (one->token_file == NULL && one->ca_bundle[0] == '\0')
		server_complain(decoder->errors, &one->at, path,
			"write token_file: or ca_bundle:", "there is nothing to use");
}

void server_credentials_finish(const struct config_decoder *decoder, struct settings *settings)
{
	for (size_t i = 0; i < settings->credential_count; i++) {
		const struct credential_profile *profile = &settings->credentials[i];

		check_use(&(struct use){ decoder, settings, profile, &profile->plan, "plan" });
		check_use(&(struct use){ decoder, settings, profile, &profile->apply, "apply" });
	}
	for (size_t i = 0; i < settings->registry_count; i++)
		check_registry(decoder, &settings->registries[i]);
}
