/* The secrets of a job, from all that know some. */
#include "runners/executor_credentials.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/program.h"
#include "orchestrator/lib/secret_file.h"
#include "orchestrator/model/credential_output.h"
#include "orchestrator/model/settings.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = SECRET_VALUE_MAX, ID_HEX = 32 };

#define IDENTITY_FILE "identity"

struct collecting {
	const struct job_spec *spec;
	struct job_secrets *secrets;
	struct err *err;
	int failed; /* the first failure; then nothing is done any more */
};

enum { PUBLIC = 1, A_FILE = 2 };

static void add(struct collecting *in, enum secret_use use, const char *name, const char *value,
	unsigned how)
{
	struct job_secret secret = {
		.use = use, .is_file = (how & A_FILE) != 0, .is_public = (how & PUBLIC) != 0
	};

	if (in->failed < 0 || value == NULL)
		return;
	secret.name = (char *)(uintptr_t)name; /* copied, never written */
	secret.value = (char *)(uintptr_t)value;
	in->failed = job_secrets_add(in->secrets, &secret, in->err);
}

static char *read_file(struct collecting *in, const char *path, const char *what)
{
	char *text = NULL;
	size_t length;

	if (in->failed == 0)
		in->failed = secret_file_read(path, what, &text, &length, in->err);
	return in->failed < 0 ? NULL : text;
}

/* ---- git ---- */

static void collect_git(struct collecting *in)
{
	const struct job_spec *spec = in->spec;
	const struct {
		const char *name, *value;
		unsigned how;
	} rows[] = {
		{ "SLUICE_GIT_USER", spec->git_user, PUBLIC },
		{ "SLUICE_GIT_TOKEN", spec->git_token, 0 },
		{ "SLUICE_GIT_PROXY", spec->git_proxy, 0 },
		{ "SLUICE_GIT_CA_BUNDLE", spec->git_ca_bundle, PUBLIC },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (!str_empty(rows[i].value))
			add(in, SECRET_OF_GIT, rows[i].name, rows[i].value, rows[i].how);
	}
}

/* ---- the identity of a job ---- */

/* Names come from pull requests: with their own signs in them, one could read as another. */
static void append_name(struct strbuf *out, const char *key, const char *value)
{
	strbuf_printf(out, "%s%s:", out->length > 0 ? ":" : "", key);
	for (const char *at = value == NULL ? "" : value; *at != '\0'; at++) {
		if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			(*at >= '0' && *at <= '9') || strchr("._-/", *at) != NULL)
			strbuf_putc(out, *at);
		else
			strbuf_printf(out, "%%%02X", (unsigned char)*at);
	}
}

static json_t *make_claims(
	const struct job_spec *spec, const char *audience, int64_t now_s, int64_t life_s)
{
	const char *operation = job_op_plans(spec->op) ? "plan" : "apply";
	_cleanup_free_ char *repository = mem_printf("%s/%s", spec->host, spec->repo_name);
	_cleanup_strbuf_ struct strbuf subject = STRBUF(4096);
	char id[ID_HEX + 1];

	codec_random_hex(id, ID_HEX);
	/* what guards comes before what a pull request may name, for those who compare beginnings
	 */
	append_name(&subject, "repository", repository);
	append_name(&subject, "environment", spec->environment);
	append_name(&subject, "operation", operation);
	append_name(&subject, "project", spec->project);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}",
		"iss", spec->issuer, "sub", strbuf_text(&subject), "aud", audience, "iat",
		(json_int_t)now_s, "nbf", (json_int_t)now_s, "exp", (json_int_t)(now_s + life_s),
		"jti", id, "repository", repository, "environment", spec->environment, "operation",
		operation, "project", spec->project, "workspace", spec->workspace, "pull_request",
		(json_int_t)spec->number, "job", (json_int_t)spec->job.v);
}

/* What the cloud's own libraries look for. */
static void describe_aws(struct collecting *in, const struct credential_identity *identity)
{
	_cleanup_free_ char *session = mem_printf("sluice-job-%lld", (long long)in->spec->job.v);

	add(in, SECRET_OF_TOOLS, "AWS_WEB_IDENTITY_TOKEN_FILE", SECRET_FOLDER "/" IDENTITY_FILE,
		PUBLIC);
	add(in, SECRET_OF_TOOLS, "AWS_ROLE_ARN", identity->role, PUBLIC);
	add(in, SECRET_OF_TOOLS, "AWS_ROLE_SESSION_NAME", session, PUBLIC);
}

static void describe_gcp(struct collecting *in, const struct credential_identity *identity)
{
	static const char type[] = "urn:ietf:params:oauth:token-type:jwt";
	_cleanup_free_ char *audience = mem_printf("//iam.googleapis.com/%s", identity->provider);
	_cleanup_free_ char *account = mem_printf("https://iamcredentials.googleapis.com/v1/"
						  "projects/-/serviceAccounts/%s:"
						  "generateAccessToken",
		identity->role);
	_cleanup_json_ json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:{s:s}}", "type",
		"external_account", "audience", audience, "subject_token_type", type, "token_url",
		"https://sts.googleapis.com/v1/token", "credential_source", "file",
		"SLUICE_FOLDER/" IDENTITY_FILE);
	_cleanup_free_ char *text = NULL, *rest = NULL, *placed = NULL;
	char *mark;

	if (!str_empty(identity->role))
		json_object_set_new(
			json, "service_account_impersonation_url", json_string(account));
	text = jsonx_text(json);
	mark = strstr(text, "SLUICE_FOLDER"); /* JSON would write the mark with six letters */
	rest = mem_strdup(mark + strlen("SLUICE_FOLDER"));
	*mark = '\0';
	placed = mem_printf("%s" SECRET_FOLDER "%s", text, rest);
	add(in, SECRET_OF_TOOLS, "gcp.json", placed, PUBLIC | A_FILE);
	add(in, SECRET_OF_TOOLS, "GOOGLE_APPLICATION_CREDENTIALS", SECRET_FOLDER "/gcp.json",
		PUBLIC);
}

static void describe_azure(struct collecting *in, const struct credential_identity *identity)
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{ "ARM_USE_OIDC", "true" },
		{ "ARM_OIDC_TOKEN_FILE_PATH", SECRET_FOLDER "/" IDENTITY_FILE },
		{ "ARM_CLIENT_ID", identity->client },
		{ "ARM_TENANT_ID", identity->tenant },
		{ "AZURE_FEDERATED_TOKEN_FILE", SECRET_FOLDER "/" IDENTITY_FILE },
		{ "AZURE_CLIENT_ID", identity->client },
		{ "AZURE_TENANT_ID", identity->tenant },
	};

	for (size_t i = 0; i < countof(rows); i++)
		add(in, SECRET_OF_TOOLS, rows[i].name, rows[i].value, PUBLIC);
}

static void describe_token(
	struct collecting *in, _unused_ const struct credential_identity *identity)
{
	add(in, SECRET_OF_TOOLS, "SLUICE_IDENTITY_TOKEN_FILE", SECRET_FOLDER "/" IDENTITY_FILE,
		PUBLIC);
}

static const struct cloud {
	const char *kind, *audience;
	void (*describe)(struct collecting *in, const struct credential_identity *identity);
} clouds[] = {
	{ "aws", "sts.amazonaws.com", describe_aws },
	{ "gcp", NULL, describe_gcp },
	{ "azure", "api://AzureADTokenExchange", describe_azure },
	{ "token", NULL, describe_token },
};

static void collect_identity(
	struct collecting *in, struct issuer *issuer, const struct clock *clock)
{
	const struct credential_identity *identity = &in->spec->credentials->identity;
	_cleanup_free_ char *gcp = mem_printf("https://iam.googleapis.com/%s", identity->provider);
	_cleanup_strbuf_ struct strbuf token = STRBUF(ISSUER_TOKEN_MAX);
	_cleanup_json_ json_t *claims = NULL;
	const struct cloud *cloud = NULL;
	const char *audience;

	for (size_t i = 0; i < countof(clouds); i++)
		if (str_equal(clouds[i].kind, identity->kind))
			cloud = &clouds[i];
	if (cloud == NULL || in->failed < 0)
		return;
	audience = cloud->audience == NULL ? gcp : cloud->audience;
	claims = make_claims(in->spec,
		str_empty(identity->audience) ? audience : identity->audience,
		clock_wall_ms(clock) / 1000, identity->lifetime_ms / 1000);
	if (claims == NULL || issuer == NULL) {
		in->failed = err_set(in->err, ERR_SYNTAX,
			"the names of this job are no text, so nothing can vouch for them");
		return;
	}
	in->failed = issuer_sign(issuer, claims, &token, in->err);
	add(in, SECRET_OF_TOOLS, IDENTITY_FILE, strbuf_text(&token), A_FILE);
	cloud->describe(in, identity);
	explicit_bzero(token.data, token.length);
}

/* ---- files ---- */

static void collect_variables(struct collecting *in)
{
	const struct credential_use *use = in->spec->credentials;

	for (size_t i = 0; i < use->variable_count; i++) {
		const struct credential_variable *one = &use->variables[i];
		char *text;

		if (one->value != NULL) {
			add(in, SECRET_OF_TOOLS, one->name, one->value, PUBLIC);
			continue;
		}
		text = read_file(in, one->file, one->name);
		add(in, SECRET_OF_TOOLS, one->name, text, 0);
		secret_file_free(text);
	}
}

/* ---- registries ---- */

struct sources { /* of init: what becomes files for all hosts together */
	struct strbuf git, netrc, ca;
	size_t configs; /* of git */
};

static void git_config(
	struct collecting *in, struct sources *sources, const char *key, const char *value)
{
	_cleanup_free_ char *name = mem_printf("GIT_CONFIG_KEY_%zu", sources->configs);
	_cleanup_free_ char *other = mem_printf("GIT_CONFIG_VALUE_%zu", sources->configs);

	add(in, SECRET_OF_INIT, name, key, PUBLIC);
	add(in, SECRET_OF_INIT, other, value, PUBLIC);
	sources->configs++;
}

static void append_percent(struct strbuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') || strchr("._-~", *text) != NULL)
			strbuf_putc(out, *text);
		else
			strbuf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* TF_TOKEN_app_terraform_io; - becomes __, and a port stands behind its colon as in the address. */
static void add_registry_token(struct collecting *in, const char *host, const char *token)
{
	_cleanup_strbuf_ struct strbuf name = STRBUF(600);

	strbuf_puts(&name, "TF_TOKEN_");
	for (; *host != '\0'; host++) {
		if (*host == '-')
			strbuf_puts(&name, "__");
		else
			strbuf_putc(&name, (char)(*host == '.' ? '_' : *host));
	}
	add(in, SECRET_OF_INIT, strbuf_text(&name), token, 0);
}

static void add_token(
	struct collecting *in, struct sources *sources, const struct registry *registry)
{
	char *token = read_file(in, registry->token_file, registry->host);

	if (token == NULL)
		return;
	if (strcspn(token, " \t\r\n\"") != strlen(token)) {
		in->failed = err_class_set(in->err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the token for %s has a space or a quote in it", registry->host);
		secret_file_free(token);
		return;
	}
	add_registry_token(in, registry->host, token);
	add(in, SECRET_OF_INIT, "SLUICE_REGISTRY_TOKEN", token, 0); /* so that it is masked */
	strbuf_puts(&sources->git, "https://");
	append_percent(&sources->git, registry->user);
	strbuf_putc(&sources->git, ':');
	append_percent(&sources->git, token);
	strbuf_printf(&sources->git, "@%s\n", registry->host);
	/* curl looks for the name, Terraform for the name with its port */
	strbuf_printf(&sources->netrc, "machine %.*s login %s password %s\n",
		(int)strcspn(registry->host, ":"), registry->host, registry->user, token);
	if (strchr(registry->host, ':') != NULL)
		strbuf_printf(&sources->netrc, "machine %s login %s password %s\n", registry->host,
			registry->user, token);
	secret_file_free(token);
}

static void add_ca(struct collecting *in, struct sources *sources, const struct registry *registry)
{
	_cleanup_free_ char *key = mem_printf("http.https://%s/.sslCAInfo", registry->host);
	char *pem = read_file(in, registry->ca_bundle, registry->host);

	if (pem == NULL)
		return;
	strbuf_printf(&sources->ca, "%s\n", pem);
	git_config(in, sources, key, SECRET_FOLDER "/ca.pem");
	secret_file_free(pem);
}

static void collect_registries(struct collecting *in)
{
	struct sources sources = {
		.git = STRBUF(TEXT_MAX), .netrc = STRBUF(TEXT_MAX), .ca = STRBUF(TEXT_MAX)
	};
	_cleanup_free_ char *count = NULL;

	for (size_t i = 0; i < in->spec->registry_count; i++) {
		const struct registry *registry = in->spec->registries[i];

		if (registry->token_file != NULL)
			add_token(in, &sources, registry);
		if (!str_empty(registry->ca_bundle))
			add_ca(in, &sources, registry);
	}
	if (sources.git.length > 0) {
		git_config(in, &sources, "credential.helper",
			"store --file=" SECRET_FOLDER "/git-credentials");
		add(in, SECRET_OF_INIT, "git-credentials", strbuf_text(&sources.git), A_FILE);
		add(in, SECRET_OF_INIT, "netrc", strbuf_text(&sources.netrc), A_FILE);
		add(in, SECRET_OF_INIT, "NETRC", SECRET_FOLDER "/netrc", PUBLIC);
		explicit_bzero(sources.git.data, sources.git.length);
		explicit_bzero(sources.netrc.data, sources.netrc.length);
	}
	if (sources.ca.length > 0) { /* the machine's certificates stay beside it */
		add(in, SECRET_OF_INIT, "ca.pem", strbuf_text(&sources.ca), PUBLIC | A_FILE);
		add(in, SECRET_OF_INIT, "SSL_CERT_FILE", SECRET_FOLDER "/ca.pem", PUBLIC);
		add(in, SECRET_OF_INIT, "SSL_CERT_DIR", "/etc/ssl/certs", PUBLIC);
	}
	if (sources.configs > 0) {
		count = mem_printf("%zu", sources.configs);
		add(in, SECRET_OF_INIT, "GIT_CONFIG_COUNT", count, PUBLIC);
	}
	strbuf_release(&sources.git);
	strbuf_release(&sources.netrc);
	strbuf_release(&sources.ca);
}

int credentials_collect(const struct job_spec *spec, struct issuer *issuer,
	const struct clock *clock, struct job_secrets *ret, struct err *err)
{
	struct collecting in = { .spec = spec, .secrets = ret, .err = err };

	*ret = (struct job_secrets){ 0 };
	collect_git(&in);
	collect_registries(&in);
	if (spec->credentials != NULL) {
		collect_variables(&in);
		collect_identity(&in, issuer, clock);
	}
	if (in.failed < 0)
		job_secrets_release(ret);
	return in.failed;
}

/* ---- programs ---- */

struct minting {
	struct program *program;
	struct job_secrets *secrets;
	char *name;
	minting_cb cb;
	void *owner;
};

static void on_command(void *owner, const struct program_end *end, const struct err *err)
{
	struct minting *minting = owner;
	struct err wrong;

	if (err == NULL &&
		credential_output_read(end->output, end->length, minting->secrets, &wrong) < 0) {
		_cleanup_free_ char *text = mem_strdup(wrong.text);

		err_class_set(&wrong, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%.100s must print credentials: %s", minting->name, text);
		err = &wrong;
	}
	minting->cb(minting->owner, end->errors, err);
}

/* What the program may go by. Names that pull requests choose are values, never words. */
static void describe_job(const struct job_spec *spec, struct strvec *env)
{
	const char *home = getenv("HOME");

	strvec_push(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strvec_pushf(env, "HOME=%s", home == NULL ? "/" : home);
	strvec_push(env, "LANG=C.UTF-8");
	strvec_pushf(env, "SLUICE_REPOSITORY=%s/%s", spec->host, spec->repo_name);
	strvec_pushf(env, "SLUICE_PULL_REQUEST=%lld", (long long)spec->number);
	strvec_pushf(env, "SLUICE_ENVIRONMENT=%s", spec->environment);
	strvec_pushf(env, "SLUICE_PROJECT=%s", spec->project);
	strvec_pushf(env, "SLUICE_WORKSPACE=%s", spec->workspace);
	strvec_pushf(env, "SLUICE_OPERATION=%s", job_op_plans(spec->op) ? "plan" : "apply");
	strvec_pushf(env, "SLUICE_JOB=%lld", (long long)spec->job.v);
}

int minting_start(struct loop *loop, const struct job_spec *spec, struct job_secrets *secrets,
	minting_cb cb, void *owner, struct minting **ret, struct err *err)
{
	const struct name_list *words = spec->credentials == NULL ? NULL
								  : &spec->credentials->command;
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	struct minting *minting;
	int r;

	*ret = NULL;
	if (words == NULL || words->count == 0)
		return 0;
	for (size_t i = 0; i < words->count; i++)
		strvec_push(&argv, words->list[i]);
	describe_job(spec, &env);
	minting = mem_alloc(sizeof(*minting));
	minting->secrets = secrets;
	minting->name = mem_strdup(words->list[0]);
	minting->cb = cb;
	minting->owner = owner;
	r = program_start(loop, &(struct program_order){ &argv, &env, PROGRAM_TIMEOUT_MS },
		on_command, minting, &minting->program, err);
	if (r < 0)
		minting_free(minting);
	else
		*ret = minting;
	return r;
}

void minting_free(struct minting *minting)
{
	if (minting == NULL)
		return;
	program_free(minting->program);
	free(minting->name);
	free(minting);
}
