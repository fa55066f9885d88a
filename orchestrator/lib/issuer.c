/* Keys in a folder, tokens that they sign, and their public halves. */
#include "orchestrator/lib/issuer.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/rsa.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { KEYS_MAX = 16, PEM_MAX = 16 << 10, DAY_S = 24 * 3600, NAME_ROOM = 40 };

struct key {
	int64_t made_s; /* also its name */
	struct rsa_key *rsa;
	char *n, *e;
	char id[64]; /* RFC 7638: the hash of its public half */
};

struct issuer {
	char *folder;
	const struct clock *clock;
	bool is_read;
	struct key keys[KEYS_MAX]; /* oldest first */
	size_t count;
};

static int64_t now_s(const struct issuer *issuer)
{
	return clock_wall_ms(issuer->clock) / 1000;
}

struct issuer *issuer_new(const char *folder, const struct clock *clock)
{
	struct issuer *issuer = mem_alloc(sizeof(*issuer));

	issuer->folder = mem_strdup(folder);
	issuer->clock = clock;
	return issuer;
}

static void key_release(struct key *key)
{
	rsa_key_free(key->rsa);
	free(key->n);
	free(key->e);
	*key = (struct key){ 0 };
}

void issuer_free(struct issuer *issuer)
{
	if (issuer == NULL)
		return;
	for (size_t i = 0; i < issuer->count; i++)
		key_release(&issuer->keys[i]);
	free(issuer->folder);
	free(issuer);
}

/* ---- keys ---- */

static int key_publish(struct key *key, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct sha256 hash;
	int r = rsa_key_public(key->rsa, &key->n, &key->e, err);

	if (r < 0)
		return r;
	text = mem_printf("{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", key->e, key->n);
	codec_sha256(text, strlen(text), &hash);
	codec_base64url(hash.bytes, sizeof(hash.bytes), key->id);
	return 0;
}

static int read_key(const struct issuer *issuer, int folder, struct key *key, struct err *err)
{
	char name[NAME_ROOM], pem[PEM_MAX];
	_cleanup_fd_ int fd = -1;
	ssize_t length = -1;
	struct stat st;
	int r;

	(void)snprintf(name, sizeof(name), "%lld.pem", (long long)key->made_s);
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_sys(
			err, ERR_CONFIG, errno, "cannot read the key %s/%s", issuer->folder, name);
	if ((st.st_mode & 077) != 0 || st.st_uid != geteuid())
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"others may read the key %s/%s: whoever has it is every job of this "
			"server; remove it, and let clouds forget it",
			issuer->folder, name);
	length = read(fd, pem, sizeof(pem));
	r = length < 0 ? err_sys(err, ERR_CONFIG, errno, "cannot read the key %s/%s",
				 issuer->folder, name)
		       : rsa_key_read(pem, (size_t)length, &key->rsa, err);
	explicit_bzero(pem, sizeof(pem));
	return r < 0 ? err_wrap(err, "%s/%s", issuer->folder, name) : key_publish(key, err);
}

static int by_age(const void *a, const void *b)
{
	const struct key *one = a, *other = b;

	return (one->made_s > other->made_s) - (one->made_s < other->made_s);
}

static int open_folder(const struct issuer *issuer, struct err *err)
{
	int fd;

	if (mkdir(issuer->folder, 0700) < 0 && errno != EEXIST)
		return err_sys(err, ERR_CONFIG, errno, "cannot make the folder of keys %s",
			issuer->folder);
	fd = open(issuer->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(err, ERR_CONFIG, errno, "cannot open the folder of keys %s",
				issuer->folder)
		      : fd;
}

static int list_keys(struct issuer *issuer, int folder, struct err *err)
{
	DIR *stream = fdopendir(dup(folder));
	const struct dirent *entry;

	if (stream == NULL)
		return err_sys(
			err, ERR_CONFIG, errno, "cannot list the keys in %s", issuer->folder);
	while ((entry = readdir(stream)) != NULL && issuer->count < KEYS_MAX) {
		size_t digits = strspn(entry->d_name, "0123456789");

		if (digits > 0 && digits < 12 && str_equal(entry->d_name + digits, ".pem"))
			issuer->keys[issuer->count++] =
				(struct key){ .made_s = strtoll(entry->d_name, NULL, 10) };
	}
	closedir(stream);
	qsort(issuer->keys, issuer->count, sizeof(issuer->keys[0]), by_age);
	return 0;
}

static int read_keys(struct issuer *issuer, struct err *err)
{
	_cleanup_fd_ int folder = open_folder(issuer, err);
	int r = folder < 0 ? folder : list_keys(issuer, folder, err);

	for (size_t i = 0; r == 0 && i < issuer->count; i++)
		r = read_key(issuer, folder, &issuer->keys[i], err);
	issuer->is_read = r == 0;
	for (; r < 0 && issuer->count > 0; issuer->count--)
		key_release(&issuer->keys[issuer->count - 1]);
	return r;
}

static int write_key(
	const struct issuer *issuer, int folder, int64_t made_s, const char *pem, struct err *err)
{
	char name[NAME_ROOM], fresh[NAME_ROOM + 8];
	size_t length = strlen(pem);
	_cleanup_fd_ int fd = -1;

	(void)snprintf(name, sizeof(name), "%lld.pem", (long long)made_s);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	unlinkat(folder, fresh, 0);
	fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, pem, length) != (ssize_t)length || fsync(fd) < 0 ||
		renameat(folder, fresh, folder, name) < 0 || fsync(folder) < 0)
		return err_sys(
			err, ERR_CONFIG, errno, "cannot write a key into %s", issuer->folder);
	return 0;
}

/* What an older key signed is long over. */
static void drop_old(struct issuer *issuer, int folder)
{
	char name[NAME_ROOM];
	size_t kept = 0;

	for (size_t i = 0; i < issuer->count; i++) {
		bool is_over = i + 1 < issuer->count &&
			       issuer->keys[i + 1].made_s + (int64_t)ISSUER_OLD_DAYS * DAY_S <
				       now_s(issuer);

		if (!is_over) {
			issuer->keys[kept++] = issuer->keys[i];
			continue;
		}
		(void)snprintf(name, sizeof(name), "%lld.pem", (long long)issuer->keys[i].made_s);
		unlinkat(folder, name, 0);
		key_release(&issuer->keys[i]);
	}
	issuer->count = kept;
}

static int add_key(struct issuer *issuer, struct err *err)
{
	struct key key = { .made_s = now_s(issuer) };
	_cleanup_fd_ int folder = open_folder(issuer, err);
	char *pem = NULL;
	int r = folder < 0 ? folder : 0;

	if (r < 0)
		return r;
	drop_old(issuer, folder);
	if (issuer->count == KEYS_MAX)
		return err_user(err, ERR_LIMIT,
			"there are %d keys already; the oldest goes in %d days", KEYS_MAX,
			ISSUER_OLD_DAYS);
	if (issuer->count > 0 && key.made_s <= issuer->keys[issuer->count - 1].made_s)
		key.made_s = issuer->keys[issuer->count - 1].made_s + 1;
	r = rsa_key_make(&key.rsa, &pem, err);
	if (r == 0)
		r = key_publish(&key, err);
	if (r == 0)
		r = write_key(issuer, folder, key.made_s, pem, err);
	if (pem != NULL)
		explicit_bzero(pem, strlen(pem));
	free(pem);
	if (r == 0)
		issuer->keys[issuer->count++] = key;
	else
		key_release(&key);
	return r;
}

int issuer_ready(struct issuer *issuer, struct err *err)
{
	int r = issuer->is_read ? 0 : read_keys(issuer, err);

	if (r == 0 && (issuer->count == 0 || issuer->keys[issuer->count - 1].made_s +
							     (int64_t)ISSUER_KEY_DAYS * DAY_S <
						     now_s(issuer)))
		r = add_key(issuer, err);
	return r;
}

int issuer_rotate(struct issuer *issuer, struct err *err)
{
	int r = issuer->is_read ? 0 : read_keys(issuer, err);

	return r < 0 ? r : add_key(issuer, err);
}

/* ---- tokens ---- */

static void append_encoded(struct strbuf *out, const void *bytes, size_t length)
{
	_cleanup_free_ char *text = mem_alloc((length + 2) / 3 * 4 + 1);

	codec_base64url(bytes, length, text);
	strbuf_puts(out, text);
}

int issuer_sign(struct issuer *issuer, const json_t *claims, struct strbuf *ret, struct err *err)
{
	_cleanup_free_ char *header = NULL, *payload = jsonx_text(claims);
	uint8_t signature[RSA_SIGNATURE_MAX];
	const struct key *key;
	size_t length = 0;
	int r = issuer_ready(issuer, err);

	if (r < 0)
		return r;
	key = &issuer->keys[issuer->count - 1];
	header = mem_printf("{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", key->id);
	append_encoded(ret, header, strlen(header));
	strbuf_putc(ret, '.');
	append_encoded(ret, payload, strlen(payload));
	r = rsa_sign_sha256(key->rsa, strbuf_text(ret), ret->length, signature, &length, err);
	if (r < 0)
		return r;
	strbuf_putc(ret, '.');
	append_encoded(ret, signature, length);
	return ret->overflowed ? err_set(err, ERR_LIMIT, "the identity of the job is too long") : 0;
}

/* ---- documents ---- */

json_t *issuer_keys(const struct issuer *issuer)
{
	json_t *keys = json_array();

	if (issuer->count == 0) {
		json_decref(keys);
		return NULL;
	}
	for (size_t i = issuer->count; i > 0; i--) {
		const struct key *key = &issuer->keys[i - 1];

		json_array_append_new(keys,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "RSA", "use", "sig",
				"alg", "RS256", "kid", key->id, "n", key->n, "e", key->e));
	}
	return json_pack("{s:o}", "keys", keys);
}

json_t *issuer_discovery(const struct issuer *issuer, const char *url)
{
	_cleanup_free_ char *keys = mem_printf("%s" ISSUER_KEYS, url);

	if (issuer->count == 0 || str_empty(url))
		return NULL;
	return json_pack("{s:s, s:s, s:[s], s:[s], s:[s], s:[s,s,s,s,s,s]}", "issuer", url,
		"jwks_uri", keys, "response_types_supported", "id_token", "subject_types_supported",
		"public", "id_token_signing_alg_values_supported", "RS256", "claims_supported",
		"iss", "sub", "aud", "exp", "iat", "jti");
}
