/* The door to libgit2. Must not: know what is prepared. */
#include "vcs/git/libgit.h"
#include "orchestrator/lib/strbuf.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* git_libgit2_init() parses the machine's whole certificate bundle, 4 ms in which nothing else
 * happens, and most calls never leave the machine. The parser is a symbol of a shared library, so
 * ours comes first and does nothing until somebody wants to trust. Where libgit2 was built with
 * another TLS library nobody calls this. */
static bool certificates_wanted;

struct mbedtls_x509_crt;
int mbedtls_x509_crt_parse_file(struct mbedtls_x509_crt *chain, const char *path);
int mbedtls_x509_crt_parse_file(struct mbedtls_x509_crt *chain, const char *path)
{
	int (*parse)(struct mbedtls_x509_crt *, const char *);

	if (!certificates_wanted)
		return 0;
	*(void **)&parse = dlsym(RTLD_NEXT, "mbedtls_x509_crt_parse_file");
	return parse != NULL ? parse(chain, path) : -1;
}

static const char *const certificate_files[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
};

int libgit_trust(const char *bundle, struct err *err)
{
	int code = -1;

	certificates_wanted = true;
	if (!str_empty(bundle)) {
		code = git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, bundle, NULL);
		return code < 0 ? libgit_fail(err, code,
					  "cannot load the certificates that the "
					  "configuration names")
				: 0;
	}
	for (size_t i = 0; i < countof(certificate_files) && code < 0; i++) {
		if (access(certificate_files[i], R_OK) == 0)
			code = git_libgit2_opts(
				GIT_OPT_SET_SSL_CERT_LOCATIONS, certificate_files[i], NULL);
	}
	if (code < 0)
		return libgit_fail(err, code, "cannot load the certificates of this machine");
	return 0;
}

int libgit_start(struct err *err)
{
	static const int levels[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA,
		GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG,
		GIT_CONFIG_LEVEL_GLOBAL,
	};
	int code = git_libgit2_init();

	for (size_t i = 0; i < countof(levels) && code >= 0; i++)
		code = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	if (code >= 0)
		code = git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
	/* The folders belong to the server whoever runs us; a sandbox shows them under another
	 * user. */
	if (code >= 0)
		code = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	/* Objects were hashed when they arrived. Reading 120 MB a second time to hash it again
	 * costs half a second. */
	if (code >= 0)
		code = git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	if (code >= 0)
		code = git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
	if (code < 0)
		return libgit_fail(err, code, "cannot start libgit2");
	return 0;
}

/* Quoted paths and the user part of addresses say more about this machine than a pull request may
 * know. */
static void append_scrubbed(struct strbuf *out, const char *text)
{
	while (*text != '\0') {
		const char *scheme_end = strstr(text, "://");

		if (text[0] == '\'' && text[1] == '/') {
			const char *end = strchr(text + 1, '\'');

			strbuf_puts(out, "'...'");
			text = end != NULL ? end + 1 : text + strlen(text);
			continue;
		}
		if (scheme_end == text) {
			size_t host = strcspn(text + 3, "/ '");
			const char *at = memrchr(text + 3, '@', host);

			strbuf_puts(out, "://");
			text = at != NULL ? at + 1 : text + 3;
			continue;
		}
		strbuf_putc(out, (unsigned char)*text < 0x20 ? ' ' : *text);
		text++;
	}
}

int libgit_fail(struct err *err, int code, const char *what, ...)
{
	const git_error *error = git_error_last();
	int class = error != NULL ? error->klass : GIT_ERROR_NONE;
	_cleanup_strbuf_ struct strbuf reason = STRBUF(400);
	char subject[300];
	va_list args;

	va_start(args, what);
	vsnprintf(subject, sizeof(subject), what, args);
	va_end(args);
	append_scrubbed(&reason,
		error != NULL && error->message != NULL ? error->message : "unknown failure");
	if (class == GIT_ERROR_NET || class == GIT_ERROR_SSL || class == GIT_ERROR_HTTP ||
		class == GIT_ERROR_SSH)
		return err_class_set(err, ERR_NET,
			code == GIT_EAUTH ? ERR_CLASS_CONFIG : ERR_CLASS_TEMP, "%s: %s", subject,
			strbuf_text(&reason));
	if (class == GIT_ERROR_OS || code == GIT_ELOCKED)
		return err_class_set(
			err, ERR_SYSTEM, ERR_CLASS_TEMP, "%s: %s", subject, strbuf_text(&reason));
	return err_class_set(err, code == GIT_ENOTFOUND ? ERR_MISSING : ERR_SYNTAX, ERR_CLASS_PERM,
		"%s: %s", subject, strbuf_text(&reason));
}

int libgit_blob(git_odb *odb, const git_oid *oid, size_t cap, git_odb_object **ret, struct err *err)
{
	char hex[GIT_OID_HEXSZ + 1];
	git_object_t type;
	size_t size;
	int code;

	git_oid_tostr(hex, sizeof(hex), oid);
	code = git_odb_read_header(&size, &type, odb, oid);
	if (code == 0 && type != GIT_OBJECT_BLOB)
		return err_set(err, ERR_SYNTAX, "git object %s is not a file", hex);
	if (code == 0 && size > cap)
		return err_user(
			err, ERR_LIMIT, "a file of %zu bytes is larger than %zu", size, cap);
	if (code == 0)
		code = git_odb_read(ret, odb, oid);
	return code < 0 ? libgit_fail(err, code, "cannot read git object %s", hex) : 0;
}
